{{/*
Where a container may write, for its root filesystem is read-only. /tmp: Python refuses to start without a folder for
temporary files, and Airflow clones DAG bundles there.
*/}}
{{- define "airflow.tmpVolume" -}}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "airflow.tmpMount" -}}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{/*
Logs that no other pod reads: what the DAG processor keeps of each parse, and a folder that the others expect.
*/}}
{{- define "airflow.ownLogsVolume" -}}
- name: own-logs
  emptyDir: {}
{{- end }}

{{- define "airflow.ownLogsMount" -}}
- {name: own-logs, mountPath: /opt/airflow/logs}
{{- end }}
