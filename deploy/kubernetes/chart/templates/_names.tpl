{{/* Each takes (dict "root" $ "name" NAME "system" TABLE). */}}

{{- define "ordertrace.fullname" -}}
{{ printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ordertrace.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "ordertrace.labels" -}}
{{ include "ordertrace.selector" . }}
app.kubernetes.io/part-of: ordertrace
app.kubernetes.io/version: {{ include "ordertrace.tag" . | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "ordertrace.tag" -}}
{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* none, static or controller: how this system's worker is versioned. */}}
{{- define "ordertrace.versioning" -}}
{{ ternary .root.Values.versioning.mode "none" (.system.versioned | default false) }}
{{- end }}

{{/* The Worker Deployment, named as the worker controller names it. */}}
{{- define "ordertrace.workerDeployment" -}}
{{ .root.Release.Namespace }}/{{ include "ordertrace.fullname" . }}
{{- end }}

{{- define "ordertrace.buildID" -}}
{{ .root.Values.versioning.buildID | default (include "ordertrace.tag" .) }}
{{- end }}

{{/* "true" if the pods write to a volume that one node alone can mount. */}}
{{- define "ordertrace.alone" -}}
{{- if and .system.blobs (not .system.url) (not .system.blobs.existingClaim) -}}
{{ eq .system.blobs.accessMode "ReadWriteOnce" }}
{{- end -}}
{{- end }}

{{- define "ordertrace.claim" -}}
{{ .system.blobs.existingClaim | default (printf "%s-blobs" (include "ordertrace.fullname" .)) }}
{{- end }}
