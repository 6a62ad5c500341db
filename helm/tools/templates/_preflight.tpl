{{/*
Refuses an install whose Secrets, which a person makes, would leave pods waiting or broken. Names namespace, Secret and
key, never a value. Call: (list $ "airflow-ui-creds" (dict "username" "pattern")); without keys all that it holds count.
*/}}
{{- define "airflow.checkSecret" -}}
{{- $namespace := (index . 0).Release.Namespace -}}
{{- $name := index . 1 -}}
{{- $patterns := index . 2 -}}
{{- $secret := lookup "v1" "Secret" $namespace $name -}}
{{- if not $secret -}}
{{- fail (printf "namespace %s has no Secret %s: make it first, see docs/reference/chart.md" $namespace $name) -}}
{{- end -}}
{{- $data := $secret.data | default dict -}}
{{- range $key := keys $patterns | default (keys $data) | sortAlpha -}}
{{- $where := printf "Secret %s/%s" $namespace $name -}}
{{- if not (hasKey $data $key) -}}
{{- fail (printf "%s has no key %s" $where $key) -}}
{{- end -}}
{{- $value := get $data $key | default "" | b64dec -}}
{{- if not (trim $value) -}}
{{- fail (printf "%s: key %s is empty" $where $key) -}}
{{- else if not (regexMatch (get $patterns $key | default "") $value) -}}
{{- fail (printf "%s: key %s is malformed" $where $key) -}}
{{- end -}}
{{- if and (not $patterns) (not (regexMatch "^[A-Za-z_][A-Za-z0-9_]*$" $key)) -}}
{{- fail (printf "%s: key %s is no name of a variable" $where $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Every namespace has the ServiceAccount `default`. Without it there is no cluster to ask (`helm template`), or Helm is about
to make the namespace, and pods wait until the Secrets are there.
*/}}
{{- define "airflow.preflight" -}}
{{- if lookup "v1" "ServiceAccount" .Release.Namespace "default" -}}
{{- if include "airflow.hasFab" . -}}
{{- include "airflow.checkSecret" (list . .Values.secrets.uiCreds (dict
  "username" "^\\S(.*\\S)?$" "password" "[^\\r\\n]\\z" "email" "^[^@\\s]+@[^@\\s]+\\z")) -}}
{{- end -}}
{{- include "airflow.checkSecret" (list . .Values.secrets.variables dict) -}}
{{- with .Values.secrets.internal.existingSecret -}}
{{- $fernet := "[A-Za-z0-9_+/-]{43}=" -}}
{{- include "airflow.checkSecret" (list $ . (dict
  "fernet-key" (printf "^%s(,%s)*\\z" $fernet $fernet) "jwt-secret" "(?s)^.{64,}\\z" "api-secret-key" "")) -}}
{{- end -}}
{{- with .Values.logs.remote.connectionSecret -}}
{{- include "airflow.checkSecret" (list $ . (dict "connection" "")) -}}
{{- end -}}
{{- with .Values.database.existingSecret -}}
{{- include "airflow.checkSecret" (list $ . (dict "connection" "^postgresql(\\+psycopg2)?://")) -}}
{{- end -}}
{{- end -}}
{{- end }}
