package accounts

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Names of the security schemes in the OpenAPI document.
const (
	schemeSession = "session"
	schemeBearer  = "bearer"
	schemeKey     = "apiKey"
)

// scopeKey is where Require leaves the scope for the middleware.
const scopeKey = "accounts.scope"

// Require makes an operation ask for a scope (or SignedIn): guests are
// answered 401, callers without the scope 403. The OpenAPI document shows it.
// An operation without Require is public.
func Require(scope string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		if o.Metadata == nil {
			o.Metadata = map[string]any{}
		}
		o.Metadata[scopeKey] = scope
		o.Security = []map[string][]string{
			{schemeSession: {scope}}, {schemeBearer: {scope}}, {schemeKey: {scope}},
		}
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
			if !slices.Contains(o.Errors, status) {
				o.Errors = append(o.Errors, status)
			}
		}
	}
}

// Guard is Require for a plain handler.
func Guard(scope string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := permit(From(r.Context()), scope); err != nil {
			refuse(w, r, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// enforce is the huma middleware behind Require.
func enforce(ctx huma.Context, next func(huma.Context)) {
	if scope, ok := ctx.Operation().Metadata[scopeKey].(string); ok {
		if err := permit(From(ctx.Context()), scope); err != nil {
			r, w := humago.Unwrap(ctx)
			refuse(w, r, err)
			return
		}
	}
	next(ctx)
}

func permit(p Principal, scope string) error {
	switch {
	case p.Guest():
		return fault.New(fault.Unauthenticated, "Sign in first")
	case p.May(scope):
		return nil
	case p.Via == ViaKey && slices.Contains(scopesOf(p.Roles), scope):
		return fault.New(fault.Forbidden, "This API key does not have the scope %s", scope)
	case p.Via == ViaKey && scope == SignedIn:
		return fault.New(fault.Forbidden, "This needs a signed-in person or an API key with the scope admin")
	}
	return fault.New(fault.Forbidden, "Your account may not do this")
}

// refuse writes err; a 401 names the scheme that would help, as RFC 9110
// §11.6.1 asks.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="quartermaster"`)
	}
	web.WriteError(w, r, err)
}

// describeSecurity adds the schemes to the OpenAPI document.
func describeSecurity(doc *huma.OpenAPI) {
	if doc.Components.SecuritySchemes == nil {
		doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{}
	}
	schemes := doc.Components.SecuritySchemes
	schemes[schemeSession] = &huma.SecurityScheme{
		Type: "apiKey", In: "cookie", Name: CookieName,
		Description: "The web page's session. Requests that change something also need the header " + CSRFHeader + ".",
	}
	schemes[schemeBearer] = &huma.SecurityScheme{
		Type: "http", Scheme: "bearer", Description: "An API key: Authorization: Bearer qm_…",
	}
	schemes[schemeKey] = &huma.SecurityScheme{
		Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key: X-API-Key: qm_…",
	}
}
