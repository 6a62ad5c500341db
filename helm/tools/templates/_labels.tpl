{{/*
Labels that select the pods of a component. They are immutable in a Deployment: never add one.
Call: (list $ "scheduler")
*/}}
{{- define "airflow.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: airflow
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/*
The chart's own labels of a pod. No versions here: a new chart or Airflow version must not roll a pod that it does not change.
*/}}
{{- define "airflow.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "airflow.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: tools
{{- end }}

{{/*
A text as the value of a label. Flux adds build metadata to the chart's version, and a label may hold no `+`.
*/}}
{{- define "airflow.labelValue" -}}
{{- . | replace "+" "_" | trunc 63 | trimAll "-_." -}}
{{- end }}

{{/*
Labels of an object: those of the values, and the chart's, which win.
*/}}
{{- define "airflow.labels" -}}
{{- $root := index . 0 -}}
{{- $own := (include "airflow.componentValues" . | fromYaml).labels | default dict -}}
{{- $chart := dict
  "app.kubernetes.io/version" (include "airflow.labelValue" $root.Chart.AppVersion)
  "helm.sh/chart" (include "airflow.labelValue" (printf "%s-%s" $root.Chart.Name $root.Chart.Version)) -}}
{{- mergeOverwrite (deepCopy $root.Values.labels) $own $chart (include "airflow.podLabels" . | fromYaml) | toYaml -}}
{{- end }}

{{/*
Name, namespace and labels of an object. The names are fixed, so that a person, a test and a runbook can rely on them;
hence one release a namespace. Call: (list $ "scheduler" "airflow-scheduler")
*/}}
{{- define "airflow.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "airflow.labels" . | nindent 2 }}
{{- end }}
