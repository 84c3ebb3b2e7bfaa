package tracing

import (
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// What may leave the process in a span. Identifiers may, and what our own code
// says; what a person or a stranger can fill may not. A key that stands nowhere
// here is left out, wherever it comes from: who adds one gives its reason.

// A rule says what the values of a key look like. One of another look is left
// out too.
type rule struct {
	fits       shape
	clientOnly bool   // on a server's span the value is what the caller says
	why        string // it may be told
}

// spanKeys are the attributes of spans.
var spanKeys = map[attribute.Key]rule{
	KeyWorkflowID: {fits: text(identifier), why: "the order's number"},
	KeyRunID:      {fits: text(identifier), why: "given by Temporal"},
	KeyActivityID: {fits: text(identifier), why: "given by the SDK"},
	KeyUpdateID:   {fits: text(requestID), why: "names a request; a caller may give one, and only a random one is told"},
	KeyAttempt:    {fits: number, why: "a count"},
	KeyStage:      {fits: text(phrase), why: "named by our code"},
	KeyAwaited:    {fits: text(phrase), why: "a role, never a person"},
	KeyNote:       {fits: text(phrase), why: "named by our code"},
	KeyOutcome:    {fits: text(phrase), why: "named by our code"},
	KeyErrorType:  {fits: text(errorKind), why: "an error without its words"},
	KeyRepaired:   {fits: text(phrase), why: "one of few"},

	semconv.HTTPRequestMethodKey:      {fits: text(oneOf(append(methods, "_OTHER"))), why: "one of few"},
	semconv.HTTPRouteKey:              {fits: text(route), why: "a pattern of our code, without what stood in its place"},
	semconv.HTTPResponseStatusCodeKey: {fits: number, why: "one of few"},
	semconv.HTTPRequestBodySizeKey:    {fits: number, why: "a size"},
	semconv.HTTPResponseBodySizeKey:   {fits: number, why: "a size"},
	semconv.HTTPRequestResendCountKey: {fits: number, why: "a count"},
	semconv.URLSchemeKey:              {fits: text(oneOf([]string{"http", "https"})), why: "one of few"},
	semconv.NetworkProtocolNameKey:    {fits: text(oneOf([]string{"http"})), why: "one of few"},
	semconv.NetworkProtocolVersionKey: {fits: text(oneOf([]string{"1.0", "1.1", "2", "3"})), why: "one of few"},
	semconv.ServerAddressKey:          {fits: text(host), clientOnly: true, why: "the configured address of a system of ours"},
	semconv.ServerPortKey:             {fits: number, clientOnly: true, why: "goes with the address"},
	semconv.DBSystemNameKey:           {fits: text(oneOf([]string{"sqlite", "postgresql"})), why: "one of few"},
	semconv.DBQueryTextKey:            {fits: text(statement), why: "our code's SQL with placeholders"},
	semconv.DBResponseStatusCodeKey:   {fits: text(identifier), why: "the database's code of an error"},

	"order.id":            {fits: text(identifier), why: "the order's number"},
	"parcel.status":       {fits: text(oneOf(parcelStatuses)), why: "one of few"},
	"carrier.event.id":    {fits: text(carrierEvent), why: "given by the carrier's machine: a random one"},
	"model.size_bytes":    {fits: number, why: "a size"},
	"model.polygon_count": {fits: number, why: "a count"},
}

// parcelStatuses are those that a carrier's message may say.
var parcelStatuses = []string{
	"unknown", "pre_transit", "in_transit", "out_for_delivery", "available_for_pickup", "delivered",
	"return_to_sender", "failure", "cancelled", "error",
}

// events are the events that may be told, with their attributes. Messages and
// stack traces are the words of errors.
var events = map[string]map[attribute.Key]rule{
	semconv.ExceptionEventName: {semconv.ExceptionTypeKey: {fits: text(errorKind), why: "an error without its words"}},
}

// resourceKeys tell which program told a span, and where it ran. Whoever runs the
// process sets them.
var resourceKeys = map[attribute.Key]rule{
	semconv.ServiceNameKey:               {fits: text(label), why: "set by our code"},
	semconv.ServiceNamespaceKey:          {fits: text(label), why: "names the installation"},
	semconv.ServiceVersionKey:            {fits: text(label), why: "of the build"},
	semconv.ServiceInstanceIDKey:         {fits: text(label), why: "tells processes apart"},
	semconv.DeploymentEnvironmentNameKey: {fits: text(label), why: "names the installation"},
	semconv.TelemetrySDKLanguageKey:      {fits: text(label), why: "of the build"},
	semconv.TelemetrySDKNameKey:          {fits: text(label), why: "of the build"},
	semconv.TelemetrySDKVersionKey:       {fits: text(label), why: "of the build"},
	semconv.HostNameKey:                  {fits: text(label), why: "tells where to look for the process"},
	semconv.HostIDKey:                    {fits: text(label), why: "tells where to look for the process"},
	semconv.OSTypeKey:                    {fits: text(label), why: "one of few"},
	semconv.ProcessPIDKey:                {fits: either(number, text(label)), why: "tells where to look for the process"},
	semconv.ContainerIDKey:               {fits: text(label), why: "tells where to look for the process"},
	semconv.ContainerNameKey:             {fits: text(label), why: "tells where to look for the process"},
	semconv.K8SNamespaceNameKey:          {fits: text(label), why: "tells where to look for the process"},
	semconv.K8SPodNameKey:                {fits: text(label), why: "tells where to look for the process"},
	semconv.K8SNodeNameKey:               {fits: text(label), why: "tells where to look for the process"},
}

// withheld are keys that our libraries set and that are left out knowingly.
var withheld = map[attribute.Key]string{
	semconv.URLPathKey:                   "holds what callers put into it; http.route stands for it",
	semconv.URLFullKey:                   "holds what callers put into it; the span's name stands for it",
	semconv.URLQueryKey:                  "holds what callers put into it",
	semconv.HTTPRequestMethodOriginalKey: "a stranger's free text",
	semconv.UserAgentOriginalKey:         "tells of a person",
	semconv.ClientAddressKey:             "tells of a person",
	semconv.ClientPortKey:                "tells of a person",
	semconv.NetworkPeerAddressKey:        "tells of a person",
	semconv.NetworkPeerPortKey:           "tells of a person",
	semconv.ExceptionMessageKey:          "an error's words",
	semconv.ExceptionStacktraceKey:       "an error's words",
}

// nameRules are what span names look like, by the scope that gives them. Another
// scope's names are not told: its spans are named by their kind.
var nameRules = map[string]func(string) bool{
	ScopeName:                 temporalName,
	otelhttp.ScopeName:        requestName,
	"github.com/XSAM/otelsql": statementName,
	"ordertrace/systems/mes":  lowerPhrase,
	"ordertrace/starter":      lowerPhrase,
}

// methods are those of HTTP, and the word for any other.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY", "HTTP"}
