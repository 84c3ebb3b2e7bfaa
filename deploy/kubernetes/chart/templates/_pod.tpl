{{/* The pod of a system's worker, a PodTemplateSpec. */}}
{{- define "ordertrace.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "ordertrace.selector" . | nindent 4 }}
    app.kubernetes.io/part-of: ordertrace
  annotations:
    checksum/config: {{ include "ordertrace.environment" . | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "ordertrace.fullname" . }}
  automountServiceAccountToken: false
  # Kubernetes would add variables named after services (SHOP_PORT and its kin).
  enableServiceLinks: false
  # After preStop, one after another: running work, calls that are held, the shop's codec,
  # and the last spans. More than their sum, so that nothing is killed in between.
  terminationGracePeriodSeconds: {{ include "ordertrace.grace" . }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: {{ .name }}
      image: {{ printf "%s:%s" $values.image.repository (include "ordertrace.tag" .) | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [{{ .name }}]
      envFrom:
        - configMapRef: {name: {{ include "ordertrace.fullname" . }}}
      env:
        {{- include "ordertrace.secretEnvironment" . | trim | nindent 8 }}
      ports:
        - {name: http, containerPort: {{ .system.port }}}
        {{- with .system.codecPort }}
        - {name: codec, containerPort: {{ . }}}
        {{- end }}
      # The database is migrated before anything is answered.
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        failureThreshold: 60
      # /healthz asks the database: without it the pod gets no calls.
      readinessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      # Whether the process is there, and nothing else: a new one has no better database and
      # no better Temporal, and the worker waits for both by itself.
      livenessProbe:
        tcpSocket: {port: http}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 6
      # Temporal needs no notice: a worker that stops asking gets no tasks. Callers of the API
      # do: an idle worker is gone at once, and for a moment nodes still send it calls.
      lifecycle:
        preStop: {sleep: {seconds: {{ include "ordertrace.preStop" . }}}}
      resources:
        {{- toYaml .system.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        {{- include "ordertrace.mounts" . | nindent 8 }}
  volumes:
    {{- include "ordertrace.volumes" . | nindent 4 }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ordertrace.selector" $ | nindent 10 }}
    {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end }}

{{- define "ordertrace.preStop" -}}5{{- end }}

{{- define "ordertrace.grace" -}}
{{- $drain := .root.Values.drain -}}
{{ add (int (include "ordertrace.preStop" .)) (mul 4 (int $drain.workSeconds)) (int $drain.flushSeconds) 5 }}
{{- end }}
