{{/*
Image of "airflow", "postgresql" or "statsdExporter". Call: (list $ "airflow")
*/}}
{{- define "airflow.image" -}}
{{- $image := index (index . 0).Values.images (index . 1) -}}
{{- $digest := $image.digest | empty | ternary "" (printf "@%s" $image.digest) -}}
image: {{ printf "%s:%s%s" $image.repository $image.tag $digest | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{/*
Fields of every pod's spec: where it runs, as whom, and no more rights than it needs.
Call: (list $ .Values.scheduler 50000), the number being the user.
*/}}
{{- define "airflow.podSpec" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
{{- $user := index . 2 -}}
# Service links would add AIRFLOW_* variables that Airflow did not ask for.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $user }}
  {{- /* Airflow's images give group 0 what the user may write, so that any user id works. */}}
  runAsGroup: {{ ternary 0 $user (eq $user 50000) }}
  fsGroup: {{ ternary 0 $user (eq $user 50000) }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "airflow.containerSecurityContext" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
{{- end }}
