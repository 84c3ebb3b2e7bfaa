package proxy

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// TestEveryRouteOfTemporal goes through all that Temporal's API has, as its
// descriptors name it: whoever has no role gets nothing, and a viewer's request
// to change something never reaches a server, not even at an order whose ID looks
// like the path of a query.
func TestEveryRouteOfTemporal(t *testing.T) {
	r := ready(t)
	callers := map[string]*caller{}
	for _, role := range []string{nobody, outsider, viewer} {
		callers[role] = as(t, r.proxy, role)
		callers[role].get("/temporal/") // for the UI's token
	}
	placeholder := regexp.MustCompile(`\{[^}]+\}`)
	query := regexp.MustCompile(`/workflows/[^/]+/query/[^/]+$`)
	writes := 0
	for _, route := range temporalRoutes() {
		for _, id := range []string{"some", "query"} {
			path := "/temporal" + placeholder.ReplaceAllString(route.path, id)
			read := route.method == http.MethodGet || query.MatchString(path)
			want := map[string]string{nobody: unknown, outsider: refused}
			if !read {
				writes++
				want = map[string]string{nobody: refused, outsider: refused, viewer: refused}
			}
			for role, verdict := range want {
				a := callers[role].do(route.method, path, "", asScript)
				require.Equal(t, verdict, r.verdict(a), "%s: %s %s: %s", role, route.method, path, a.body)
			}
		}
	}
	require.Greater(t, writes, 100, "the descriptors have their routes")
}

type route struct{ method, path string }

// temporalRoutes are those of the API as the UI's server has them, below /api/v1.
func temporalRoutes() []route {
	var routes []route
	for _, file := range []protoreflect.FileDescriptor{
		workflowservice.File_temporal_api_workflowservice_v1_service_proto,
		operatorservice.File_temporal_api_operatorservice_v1_service_proto,
	} {
		methods := file.Services().Get(0).Methods()
		for i := range methods.Len() {
			rule, _ := proto.GetExtension(methods.Get(i).Options(), annotations.E_Http).(*annotations.HttpRule)
			for _, binding := range append(rule.GetAdditionalBindings(), rule) {
				if found := routeOf(binding); regexp.MustCompile(`^/api/v1/`).MatchString(found.path) {
					routes = append(routes, found)
				}
			}
		}
	}
	return routes
}

func routeOf(rule *annotations.HttpRule) route {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return route{http.MethodGet, pattern.Get}
	case *annotations.HttpRule_Post:
		return route{http.MethodPost, pattern.Post}
	case *annotations.HttpRule_Put:
		return route{http.MethodPut, pattern.Put}
	case *annotations.HttpRule_Patch:
		return route{http.MethodPatch, pattern.Patch}
	case *annotations.HttpRule_Delete:
		return route{http.MethodDelete, pattern.Delete}
	}
	return route{}
}
