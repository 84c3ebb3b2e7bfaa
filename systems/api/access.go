package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ordertrace/lifecycle"
)

// A Caller is who makes a request, as its token says.
type Caller struct {
	ID    string // an identifier, never a name: it is written down as who did what
	Roles []lifecycle.Role
}

// Is tells whether the caller has one of the roles.
func (c Caller) Is(roles ...lifecycle.Role) bool {
	return slices.ContainsFunc(roles, func(r lifecycle.Role) bool { return slices.Contains(c.Roles, r) })
}

// Callers know who a bearer token is of.
type Callers interface {
	// Caller fails with the code unauthorized for a token that is nobody's or out
	// of date, and with Retry if that cannot be found out now.
	Caller(ctx context.Context, token string) (Caller, error)
}

type callerKey struct{}

// CallerOf is who makes the request that ctx is of; false where nobody is asked
// who they are.
func CallerOf(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// admit finds out who makes a request, and whether it is for them. The request
// that it returns knows its caller, and its header has no token any more.
func admit(callers Callers, roles []lifecycle.Role, r *http.Request) (*http.Request, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return r, &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnauthorized, Field: "Authorization",
			Detail: "say who you are: Authorization: Bearer TOKEN"}
	}
	c, err := callers.Caller(r.Context(), token)
	if err != nil {
		return r, err
	}
	if !c.Is(roles...) {
		return r, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeForbidden,
			Detail: "this is not for you: it takes the role " + either(roles)}
	}
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
	r.Header = r.Header.Clone()
	r.Header.Del("Authorization")
	return r, nil
}

// ActAs is who a request is to be written down as: its caller. by is whom the
// request itself names, if anyone; it fails with the code forbidden if that is
// somebody else. Where nobody is asked who they are, it is by.
func ActAs(ctx context.Context, by string) (string, error) {
	c, known := CallerOf(ctx)
	switch {
	case !known || by == c.ID:
		return by, nil
	case by == "":
		return c.ID, nil
	default:
		return "", &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeForbidden, Field: "by",
			Detail: "your token says that you are " + c.ID + ": leave it out"}
	}
}

// Own reads how an order stands, unless the caller may not act on it: whose
// orders there are is nobody's business, so another's order is one that does not
// exist. Only customers and partners own orders; staff may act on all.
func Own(ctx context.Context, orders Orders, order string) (lifecycle.Status, error) {
	s, err := orders.Status(ctx, order)
	if c, known := CallerOf(ctx); err != nil || !known || isStaff(c) || s.Customer == c.ID {
		return s, err
	}
	return lifecycle.Status{}, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: fmt.Sprintf("there is no order %q", order)}
}

// MayAct fails as Own does, and reads nothing of an order whose caller is staff.
func MayAct(ctx context.Context, orders Orders, order string) error {
	if c, known := CallerOf(ctx); !known || isStaff(c) {
		return nil
	}
	_, err := Own(ctx, orders, order)
	return err
}

func isStaff(c Caller) bool { return c.Is(lifecycle.Manager, lifecycle.Operator, lifecycle.Service) }

func either(roles []lifecycle.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, " or ")
}

// Guarded serves requests of callers with one of the roles alone; nil callers let
// everyone in, for tests of what stands behind.
func Guarded(callers Callers, h http.Handler, roles ...lifecycle.Role) http.Handler {
	if callers == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := admit(callers, roles, r)
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}
