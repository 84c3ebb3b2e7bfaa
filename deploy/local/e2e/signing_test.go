package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"ordertrace/deploy/simulate/people"
)

// signing shows the systems whose request it is, where a test does not say: that
// of the person at the route, or of one of our services.
type signing struct{ *http.Transport }

// stacks are those that run, by the hosts of their systems.
var stacks sync.Map // of *rig

func init() { http.DefaultTransport = signing{http.DefaultTransport.(*http.Transport)} }

func (r *rig) sign() {
	for _, system := range []string{r.ShopURL(), r.CRMURL(), r.MESURL()} {
		u, _ := url.Parse(system)
		stacks.Store(u.Host, r)
	}
}

// RoundTrip implements http.RoundTripper.
func (s signing) RoundTrip(req *http.Request) (*http.Response, error) {
	r, ours := stacks.Load(req.URL.Host)
	if !ours || req.Header.Get("Authorization") != "" {
		return s.Transport.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+r.(*rig).Token(r.(*rig).whose(req)))
	return s.Transport.RoundTrip(req)
}

// whose request it is: of whom its body names, of the person at the route, or of
// our own services.
func (r *rig) whose(req *http.Request) string {
	if by := namedBy(req); r.Token(by) != "" {
		return by
	}
	verb := path.Base(req.URL.Path)
	switch base := req.URL.Scheme + "://" + req.URL.Host; {
	case base == r.ShopURL() && (req.Method == http.MethodPost && verb == "orders" ||
		slices.Contains([]string{"model", "status", "upload", "submit", "cancel"}, verb)):
		return people.Customer
	case base == r.CRMURL() && (strings.HasPrefix(req.URL.Path, "/tickets") || strings.HasPrefix(req.URL.Path, "/parcels") ||
		slices.Contains([]string{"approvals", "approve", "reject", "close", "cancel"}, verb) || verb == "parcel" && req.Method == http.MethodGet):
		return people.Manager
	case base == r.MESURL() && slices.Contains([]string{"free-orders", "take", "hand-over", "finish", "pack", "ship"}, verb):
		return people.Operator
	default:
		return "starter"
	}
}

func namedBy(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	defer body.Close()
	var in struct {
		By string `json:"by"`
	}
	_ = json.NewDecoder(body).Decode(&in) // what is malformed names nobody
	return in.By
}
