{{/*
Probes of a component without a server of its own: is its job's heartbeat in the database fresh? `airflow jobs check`
asks the same with seconds of CPU. Call: "DagProcessorJob"
*/}}
{{- define "airflow.jobProbes" -}}
# The only readiness there is: nothing sends requests to this pod, so later failures matter to liveness alone.
startupProbe:
  exec: {command: [python, /opt/airflow/scripts/check_job.py, {{ . }}]}
  periodSeconds: 3
  timeoutSeconds: 10
  failureThreshold: 80
livenessProbe:
  exec: {command: [python, /opt/airflow/scripts/check_job.py, {{ . }}]}
  periodSeconds: 60
  timeoutSeconds: 30
  failureThreshold: 5
{{- end }}

{{/*
Probes of the scheduler: its own server answers with less CPU than a script that asks the database.
*/}}
{{- define "airflow.schedulerProbes" -}}
{{- if .Values.ipv6 -}}
{{- include "airflow.jobProbes" "SchedulerJob" }}
{{- else -}}
startupProbe:
  httpGet: {path: /health, port: health}
  periodSeconds: 3
  timeoutSeconds: 10
  failureThreshold: 80
livenessProbe:
  httpGet: {path: /health, port: health}
  periodSeconds: 20
  timeoutSeconds: 15
  failureThreshold: 6
{{- end }}
{{- end }}
