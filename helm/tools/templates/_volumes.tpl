{{/*
The DAG bundles. No subPath: it would freeze the files. Optional: an Airflow without DAGs is a working Airflow.
The bundle's own .airflowignore, if it has one, replaces the chart's.
*/}}
{{- define "airflow.bundleVolumes" -}}
{{- range .Values.dags.bundles }}
- name: bundle-{{ .name }}
  projected:
    sources:
      - configMap: {name: airflow-bundle-ignore}
      - configMap: {name: {{ .configMap }}, optional: true}
{{- end }}
{{- end }}

{{- define "airflow.bundleMounts" -}}
{{- range .Values.dags.bundles }}
- name: bundle-{{ .name }}
  mountPath: /opt/airflow/bundles/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "airflow.logsVolume" -}}
- name: logs
  {{- if .Values.logs.persistence.enabled }}
  persistentVolumeClaim: {claimName: {{ .Values.logs.persistence.existingClaim }}}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}

{{- define "airflow.logsMount" -}}
- {name: logs, mountPath: /opt/airflow/logs}
{{- end }}

{{- define "airflow.scriptsVolume" -}}
- name: scripts
  configMap: {name: airflow-scripts}
{{- end }}

{{- define "airflow.scriptsMount" -}}
- {name: scripts, mountPath: /opt/airflow/scripts, readOnly: true}
{{- end }}
