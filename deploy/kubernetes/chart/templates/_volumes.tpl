{{/* The files of a system's worker. The root file system is read-only; what is
     written goes to /tmp, and a shop's models to their volume. */}}

{{- define "ordertrace.keepsBlobs" -}}
{{ and .system.blobs (not .system.url) | not | not }}
{{- end }}

{{- define "ordertrace.mounts" -}}
- {name: scratch, mountPath: /tmp}
{{- if eq (include "ordertrace.keepsBlobs" .) "true" }}
- {name: blobs, mountPath: /var/lib/ordertrace/blobs}
{{- end }}
{{- if .root.Values.access.secret }}
- {name: access, mountPath: /etc/ordertrace/access, readOnly: true}
{{- end }}
{{- if .root.Values.payloads.secret }}
- {name: payload-keys, mountPath: /etc/ordertrace/payload-keys, readOnly: true}
{{- end }}
{{- if .root.Values.temporal.tlsSecret }}
- {name: temporal-tls, mountPath: /etc/ordertrace/temporal, readOnly: true}
{{- end }}
{{- end }}

{{- define "ordertrace.volumes" -}}
- name: scratch
  emptyDir: {sizeLimit: {{ .system.scratch }}}
{{- if eq (include "ordertrace.keepsBlobs" .) "true" }}
- name: blobs
  persistentVolumeClaim: {claimName: {{ include "ordertrace.claim" . }}}
{{- end }}
{{- with .root.Values.access.secret }}
- name: access
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .root.Values.payloads.secret }}
- name: payload-keys
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .root.Values.temporal.tlsSecret }}
- name: temporal-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
