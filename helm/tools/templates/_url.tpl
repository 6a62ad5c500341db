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

{{/*
The path of that URL, without a slash at its end. Airflow serves what is mounted, as the workers' API is, below it alone.
*/}}
{{- define "airflow.basePath" -}}
{{- (include "airflow.baseUrl" . | urlParse).path | trimSuffix "/" -}}
{{- end }}

{{/*
Whether TLS ends before the API server; empty for no. It then believes the proxy's headers: else cookies lack Secure and
redirects lead to http.
*/}}
{{- define "airflow.isBehindTls" -}}
{{- if hasPrefix "https://" (include "airflow.baseUrl" .) }}true{{ end -}}
{{- end }}
