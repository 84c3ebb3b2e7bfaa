package identity

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// token answers at the token endpoint. The password grant (RFC 6749, 4.3), which the
// library leaves out, is for public clients.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("grant_type") != "password" {
		p.protocol.ServeHTTP(w, r)
		return
	}
	p.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	c, known := p.store.clients[r.PostFormValue("client_id")]
	who := p.store.who(r.PostFormValue("username"), r.PostFormValue("password"))
	scopes := strings.Fields(r.PostFormValue("scope"))
	if !known || !c.Public || who == nil {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "access_denied"})
		return
	}
	request := signIn{request: &oidc.AuthRequest{ClientID: c.ID, Scopes: scopes}, subject: who.Subject, at: time.Now()}
	token, err := op.CreateIDToken(r.Context(), p.issuer, request, lifetime, "", "", p.store, c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // whoever asked may be gone
		"id_token": token, "access_token": token, "token_type": "bearer", "expires_in": int(lifetime.Seconds()),
	})
}
