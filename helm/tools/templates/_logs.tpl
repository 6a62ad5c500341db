{{/*
Sidecar that keeps a folder of logs within bounds. Call: (list $ "airflow.ownLogsMount" 1000000 0), the numbers being bytes
and days, 0 for no bound.
*/}}
{{- define "airflow.groomLogs" -}}
{{- $root := index . 0 -}}
- name: groom-logs
  restartPolicy: Always
  {{- include "airflow.image" (list $root "airflow") | nindent 2 }}
  args:
    - python
    - /opt/airflow/scripts/groom_logs.py
    - /opt/airflow/logs
    - {{ int64 (index . 2) | quote }}
    - {{ int64 (index . 3) | quote }}
  resources:
    {{- toYaml $root.Values.logs.groomer.resources | nindent 4 }}
  volumeMounts:
    {{- include (index . 1) $root | nindent 4 }}
    {{- include "airflow.scriptsMount" $root | nindent 4 }}
{{- end }}

{{/*
The same for logs of tasks and triggers: by days on the shared volume, by bytes on that of a pod. Nothing when the shared
volume has no bound.
*/}}
{{- define "airflow.groomTaskLogs" -}}
{{- if not .Values.logs.persistence.enabled -}}
{{- include "airflow.groomLogs" (list . "airflow.logsMount" .Values.logs.groomer.maxBytes 0) }}
{{- else if .Values.logs.persistence.keepDays -}}
{{- include "airflow.groomLogs" (list . "airflow.logsMount" 0 .Values.logs.persistence.keepDays) }}
{{- end }}
{{- end }}

{{/*
The connection to the store of logs, as a variable of what writes or reads there; nothing without one.
*/}}
{{- define "airflow.remoteLogsEnv" -}}
{{- with .Values.logs.remote.connectionSecret -}}
- name: AIRFLOW_CONN_REMOTE_LOGS
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: connection}
{{- end }}
{{- end }}
