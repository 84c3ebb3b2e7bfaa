{{/* What would render and then not work. Takes (dict "root" $ "name" NAME "system" TABLE). */}}
{{- define "ordertrace.check" -}}
{{- $kind := .root.Values.autoscaling.kind -}}
{{- if not (has $kind (list "none" "hpa" "keda")) -}}
{{- fail (printf "autoscaling.kind is %q: none, hpa or keda" $kind) -}}
{{- end -}}
{{- if not (has .root.Values.versioning.mode (list "none" "static" "controller")) -}}
{{- fail (printf "versioning.mode is %q: none, static or controller" .root.Values.versioning.mode) -}}
{{- end -}}
{{- if and (eq (include "ordertrace.alone" .) "true") (or (gt (int .system.replicas) 1) (ne $kind "none")) -}}
{{- fail (printf "%s: blobs on a ReadWriteOnce volume allow one replica and no autoscaling" .name) -}}
{{- end -}}
{{- if and (ne $kind "none") (eq (include "ordertrace.versioning" .) "controller") -}}
{{- fail (printf "%s: under the worker controller each version is a Deployment of its own; scale them by a WorkerResourceTemplate" .name) -}}
{{- end -}}
{{- $access := .root.Values.access -}}
{{- if not (or $access.secret (and $access.issuer $access.audience)) -}}
{{- fail "nobody could call the APIs: set access.secret, or access.issuer and access.audience" -}}
{{- end -}}
{{- range $variable, $_ := .system.env -}}
{{- if regexMatch "(TOKEN|_DSN|SECRET|PAYLOAD_KEYS|_HEADERS|API_KEY)$" $variable -}}
{{- fail (printf "%s: %s is a secret; name a key of the Secret %s in secretEnv" $.name $variable $.system.secret) -}}
{{- end -}}
{{- end -}}
{{- end }}
