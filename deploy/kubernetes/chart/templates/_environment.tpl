{{/* What a worker is told by its environment: `bin/shop --help` has the table. */}}

{{/* What anybody may read; it goes into a ConfigMap. */}}
{{- define "ordertrace.environment" -}}
{{- $values := .root.Values -}}
{{- $upper := upper .name -}}
{{ $upper }}_ADDR: {{ printf ":%v" .system.port | quote }}
{{- with .system.url }}
{{ $upper }}_URL: {{ . | quote }}
{{- end }}
{{- if and .system.codecPort $values.payloads.secret }}
CODEC_ADDR: {{ printf ":%v" .system.codecPort | quote }}
{{- if $values.access.secret }}
CODEC_TOKENS_FILE: /etc/ordertrace/access/operators
{{- end }}
{{- end }}
{{- if eq (include "ordertrace.keepsBlobs" .) "true" }}
SHOP_BLOBS: file:///var/lib/ordertrace/blobs
{{- end }}
{{- if eq .name "mes" }}
SHOP_URL: {{ $values.systems.shop.url | default (printf "http://%s:%v" (include "ordertrace.fullname" (dict "root" .root "name" "shop")) $values.systems.shop.port) | quote }}
{{- end }}
{{- if ne (include "ordertrace.versioning" .) "controller" }}
TEMPORAL_ADDRESS: {{ $values.temporal.address | quote }}
TEMPORAL_NAMESPACE: {{ $values.temporal.namespace | quote }}
{{- end }}
{{- if $values.temporal.tlsSecret }}
TEMPORAL_TLS_CLIENT_CERT_PATH: /etc/ordertrace/temporal/tls.crt
TEMPORAL_TLS_CLIENT_KEY_PATH: /etc/ordertrace/temporal/tls.key
TEMPORAL_TLS_SERVER_CA_CERT_PATH: /etc/ordertrace/temporal/ca.crt
{{- end }}
{{- if eq (include "ordertrace.versioning" .) "static" }}
TEMPORAL_DEPLOYMENT_NAME: {{ include "ordertrace.workerDeployment" . | quote }}
TEMPORAL_WORKER_BUILD_ID: {{ include "ordertrace.buildID" . | quote }}
{{- end }}
{{- if eq .name "shop" }}
{{- if $values.audits.jaeger }}
JAEGER_QUERY_URL: {{ $values.audits.jaeger | quote }}
{{- else }}
AUDIT_INTERVAL: "0"
{{- end }}
{{- end }}
TEMPORAL_UI_URL: {{ $values.links.temporalUI | quote }}
JAEGER_UI_URL: {{ $values.links.jaegerUI | quote }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ $values.telemetry.endpoint | quote }}
{{- if $values.access.secret }}
API_TOKENS_FILE: /etc/ordertrace/access/callers
{{- end }}
{{- with $values.access.issuer }}
API_ISSUER: {{ . | quote }}
{{- end }}
{{- with $values.access.audience }}
API_AUDIENCE: {{ . | quote }}
{{- end }}
{{- if $values.payloads.secret }}
PAYLOAD_KEYS_FILE: /etc/ordertrace/payload-keys/payload-keys
{{- end }}
DRAIN_TIMEOUT: {{ printf "%vs" $values.drain.workSeconds | quote }}
FLUSH_TIMEOUT: {{ printf "%vs" $values.drain.flushSeconds | quote }}
LOG_FORMAT: {{ $values.log.format | quote }}
LOG_LEVEL: {{ $values.log.level | quote }}
{{- range $name, $value := .system.env }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* What comes from Secrets that are there already. */}}
{{- define "ordertrace.secretEnvironment" -}}
{{- $keys := dict "API_TOKEN" "api-token" -}}
{{- if not .system.url -}}
{{- $_ := set $keys (printf "%s_DSN" (upper .name)) "dsn" -}}
{{- end -}}
{{- range $variable, $key := mergeOverwrite $keys (.system.secretEnv | default dict) }}
- name: {{ $variable }}
  valueFrom: {secretKeyRef: {name: {{ $.system.secret }}, key: {{ $key }}}}
{{- end }}
{{- if and (eq .name "shop") .root.Values.audits.jaeger }}
- name: JAEGER_USER
  valueFrom: {secretKeyRef: {name: {{ .root.Values.audits.secret }}, key: user}}
- name: JAEGER_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .root.Values.audits.secret }}, key: password}}
{{- end }}
{{- with .root.Values.telemetry.headersSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: {secretKeyRef: {name: {{ . }}, key: headers}}
{{- end }}
{{- with .root.Values.temporal.apiKeySecret }}
- name: TEMPORAL_API_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: api-key}}
{{- end }}
{{- end }}
