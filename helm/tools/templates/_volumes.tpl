{{/*
The DAG bundles without versions. No subPath: it would freeze the files. Optional: an Airflow without DAGs is a working Airflow.
The bundle's own .airflowignore, if it has one, replaces the chart's.
*/}}
{{- define "airflow.bundleVolumes" -}}
{{- range .Values.dags.bundles }}
{{- if not .versioned }}
- name: bundle-{{ .name }}
  projected:
    sources:
      - configMap: {name: airflow-bundle-ignore}
      - configMap: {name: {{ .configMap }}, optional: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "airflow.bundleMounts" -}}
{{- range .Values.dags.bundles }}
{{- if not .versioned }}
- name: bundle-{{ .name }}
  mountPath: /opt/airflow/bundles/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{/*
The bundle with versions, and the policy that mounts a version into a worker pod. Airflow finds a policy by the entry
point of an installed distribution, and the folder with its metadata makes this one; an `airflow_local_settings.py` of the
image stays in force.
*/}}
{{- define "airflow.pythonVolume" -}}
- name: python
  configMap:
    name: airflow-python
    items:
      {{- range $path, $_ := .Files.Glob "files/python/*.py" }}
      - {key: {{ base $path }}, path: {{ base $path }}}
      {{- end }}
      - {key: METADATA, path: configmap_dags-1.dist-info/METADATA}
      - {key: entry_points.txt, path: configmap_dags-1.dist-info/entry_points.txt}
{{- end }}

{{- define "airflow.pythonMount" -}}
- {name: python, mountPath: /opt/airflow/python, readOnly: true}
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
