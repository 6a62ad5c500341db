{{/*
What a user adds to a component: its values' extraEnv, extraVolumes and extraVolumeMounts.
Call: .Values.scheduler; nothing is rendered when there is nothing.
*/}}
{{- define "airflow.extraEnv" -}}
{{- with .extraEnv }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "airflow.extraVolumes" -}}
{{- with .extraVolumes }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "airflow.extraVolumeMounts" -}}
{{- with .extraVolumeMounts }}{{ toYaml . }}{{ end }}
{{- end }}
