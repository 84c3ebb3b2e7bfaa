package api

import (
	"slices"
	"strings"
)

// routes are the paths of all three systems.
var routes = []string{
	"/healthz",
	"/models", "/models/{digest}",
	"/tickets", "/tickets/{id}",
	"/orders", "/orders/{order}", "/orders/{order}/outcome", "/orders/{order}/parcel",
	"/orders/{order}/stages/{stage}", "/orders/{order}/stages/{stage}/undo",
}

// routeOf names a path by its route, so that span names are few and hold no
// identifier. A system may live below a path of its own.
func routeOf(path string) string {
	parts := strings.Split(path, "/")[1:]
	for i := range parts {
		for _, route := range routes {
			if matches(strings.Split(route, "/")[1:], parts[i:]) {
				return route
			}
		}
	}
	return "/…"
}

func matches(route, parts []string) bool {
	return slices.EqualFunc(route, parts, func(want, got string) bool { return want == got || strings.HasPrefix(want, "{") })
}
