{{/*
Name of the ServiceAccount of a component's pods. Call: (list $ "scheduler" .Values.scheduler)
*/}}
{{- define "airflow.accountName" -}}
{{- $account := (include "airflow.contract" (list (index . 0) (index . 2)) | fromYaml).serviceAccount -}}
{{- $account.name | default (ternary (printf "airflow-%s" (index . 1)) "default" $account.create) -}}
{{- end }}

{{/*
Whether worker pods have a token for the Kubernetes API; empty for no. Call: .Values.workers
*/}}
{{- define "airflow.hasToken" -}}
{{- if or .serviceAccount.automountServiceAccountToken .podOperator.namespaces }}true{{ end -}}
{{- end }}

{{/*
The values of workers, and of each of their templates that has an account of its own, by where they are, as JSON.
*/}}
{{- define "airflow.workerAccounts" -}}
{{- $accounts := dict "workers" .Values.workers -}}
{{- range $name, $own := .Values.workers.templates -}}
{{- if $own.serviceAccount -}}
{{- $_ := set $accounts (printf "workers.templates.%s" $name) (include "airflow.templateValues" (list $ $name) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- toJson $accounts -}}
{{- end }}

{{/*
The accounts that pods run with, as a JSON list: of which component, where its values are, its name, whether it is made
and with which annotations. Several may have one name.
*/}}
{{- define "airflow.accounts" -}}
{{- $users := list -}}
{{- range $component, $name := omit (include "airflow.components" . | fromJson) "worker" -}}
{{- $values := include "airflow.componentValues" (list $ $component) | fromYaml -}}
{{- $users = append $users (dict "component" $component "path" $name "values" $values) -}}
{{- end -}}
{{- range $path, $values := include "airflow.workerAccounts" . | fromJson -}}
{{- $users = append $users (dict "component" "worker" "path" $path "values" $values) -}}
{{- end -}}
{{- $accounts := list -}}
{{- range $users -}}
{{- $contract := (include "airflow.contract" (list $ .values) | fromYaml).serviceAccount -}}
{{- $accounts = append $accounts (dict
  "component" .component
  "path" .path
  "name" (include "airflow.accountName" (list $ .component .values))
  "create" $contract.create
  "annotations" ($contract.annotations | default dict)
  "isWorkerWithToken" (and (eq .component "worker") (not (empty (include "airflow.hasToken" .values))))) -}}
{{- end -}}
{{- toJson $accounts -}}
{{- end }}
