{{/*
What the executor makes every worker pod of. Workers speak to the API server alone, with a token of their task: they get
neither the database, nor a key, nor, unless they are told to make pods, the Kubernetes API. Call: (list $ .Values.workers)
*/}}
{{- define "airflow.podTemplate" -}}
{{- $root := index . 0 -}}
{{- $workers := index . 1 -}}
apiVersion: v1
kind: Pod
metadata:
  name: airflow-worker
  labels:
    {{- include "airflow.podLabels" (list $root "worker") | nindent 4 }}
  annotations:
    # A node that is scaled down would take the task with it.
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    # Argo CD that tracks by label takes a pod with the release's label for its own, and removes what is not rendered.
    argocd.argoproj.io/compare-options: IgnoreExtraneous
    argocd.argoproj.io/sync-options: Prune=false
spec:
  automountServiceAccountToken: {{ include "airflow.hasToken" $workers | default "false" }}
  restartPolicy: Never
  containers:
    # The executor fills in this container by its name and place.
    - name: base
      {{- include "airflow.image" (list $root "airflow") | nindent 6 }}
      envFrom:
        - configMapRef: {name: airflow-config}
        - secretRef: {name: {{ $root.Values.secrets.variables }}}
      {{- with include "airflow.remoteLogsEnv" $root }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      volumeMounts:
        {{- include "airflow.tmpMount" $root | nindent 8 }}
        {{- include "airflow.pythonMount" $root | nindent 8 }}
        {{- include "airflow.logsMount" $root | nindent 8 }}
        {{- include "airflow.bundleMounts" $root | trim | nindent 8 }}
  volumes:
    {{- include "airflow.tmpVolume" $root | nindent 4 }}
    {{- include "airflow.pythonVolume" $root | nindent 4 }}
    {{- include "airflow.logsVolume" $root | nindent 4 }}
    {{- include "airflow.bundleVolumes" $root | trim | nindent 4 }}
{{- end }}

{{/*
The values of one of workers.templates: those of workers, but for what it has otherwise. An account that it asks for is
its own. Call: (list $ "reports")
*/}}
{{- define "airflow.templateValues" -}}
{{- $workers := (index . 0).Values.workers -}}
{{- $own := get $workers.templates (index . 1) -}}
{{- $values := mergeOverwrite (deepCopy $workers) (deepCopy $own) -}}
{{- with $own.serviceAccount -}}
{{- $name := .name | default (ternary "" (printf "airflow-worker-%s" (index $ 1)) (eq .create false)) -}}
{{- $_ := set $values.serviceAccount "name" $name -}}
{{- end -}}
{{- toYaml $values -}}
{{- end }}

{{/*
The files of the ConfigMap: pod_template.yaml for all tasks, and one for each of workers.templates, which a task picks.
*/}}
{{- define "airflow.podTemplates" -}}
{{- $files := dict "pod_template" .Values.workers -}}
{{- range $name, $_ := .Values.workers.templates -}}
{{- $_ := set $files $name (include "airflow.templateValues" (list $ $name) | fromYaml) -}}
{{- end -}}
{{- range $name, $workers := $files }}
{{- $pod := include "airflow.podTemplate" (list $ $workers) | fromYaml }}
{{- include "airflow.fill" (list $ "worker" $workers $pod) }}
{{ $name }}.yaml: |
  {{- toYaml $pod | nindent 2 }}
{{- end }}
{{- end }}
