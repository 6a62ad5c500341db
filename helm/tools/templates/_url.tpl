{{/*
Where users find the UI: what they were told, else the host of the Ingress, else nothing.
*/}}
{{- define "airflow.baseUrl" -}}
{{- if .Values.apiServer.baseUrl -}}
{{- .Values.apiServer.baseUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- printf "%s://%s" (.Values.ingress.tlsSecretName | empty | ternary "http" "https") .Values.ingress.host -}}
{{- end -}}
{{- end }}
