// What the chart's tests take from a module as files: KEDA's custom resources, in
// config/crd/bases. Nothing is imported, so `go mod tidy` would leave it empty.
module ordertrace/deploy/kubernetes/schemas

go 1.26.0

require github.com/kedacore/keda/v2 v2.21.0
