package encryption

import (
	"net/http"
	"net/url"

	"go.temporal.io/sdk/converter"
)

// Server decrypts payloads for the Temporal UI, and encrypts what people enter
// there, as Temporal's "codec server" protocol has it: POST /decode and /encode,
// payloads as JSON. The page of the UI calls it from the browser, with what the
// browser knows of its user.
type Server struct {
	Codec converter.PayloadCodec
	// UI is the base URL of the Temporal UI: no other site's page may call.
	UI string
	// Allowed tells whether a request is of someone who may read payloads.
	Allowed func(*http.Request) bool
}

const maxBody = 32 << 20 // bytes; Temporal takes payloads of up to 2 MB

// Handler serves the codec. Its front page asks a browser to sign in, and leads
// back to the UI: the browser then signs the UI's calls of its own accord.
func (s Server) Handler() http.Handler {
	codec := s.guard(converter.NewPayloadCodecHTTPHandler(s.Codec))
	mux := http.NewServeMux()
	for _, path := range []string{"/decode", "/encode"} {
		mux.Handle("POST "+path, codec)
		mux.HandleFunc("OPTIONS "+path, s.preflight)
	}
	mux.HandleFunc("GET /{$}", s.signIn)
	return mux
}

// guard answers those who are allowed. Its challenge is not one that a browser
// would ask its user about: a page full of payloads would ask for each.
func (s Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.admit(w, r) {
			http.Error(w, "this page may not ask", http.StatusForbidden)
			return
		}
		if !s.Allowed(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="payloads"`)
			http.Error(w, "payloads are for operators: sign in at the front page", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// admit tells the browser which page may read the answer, and whether that is the
// one that asks.
func (s Server) admit(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin(s.UI))
	h.Set("Access-Control-Allow-Credentials", "true")
	asks := r.Header.Get("Origin")
	return asks == "" || asks == origin(s.UI)
}

func (s Server) preflight(w http.ResponseWriter, r *http.Request) {
	if s.admit(w, r) {
		w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace, Authorization, Authorization-Extras")
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s Server) signIn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.Allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="payloads", charset="UTF-8"`)
		http.Error(w, "payloads are for operators", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, s.UI, http.StatusSeeOther)
}

// origin is a URL without its path.
func origin(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
