{{/*
What the executor makes every worker pod of. Workers speak to the API server alone, with a token of their task: they get
neither the database, nor a key, nor the Kubernetes API. Call: (list $ .Values.workers)
*/}}
{{- define "airflow.podTemplate" -}}
{{- $root := index . 0 -}}
{{- $workers := index . 1 -}}
{{- $labels := include "airflow.podLabels" (list $root "worker") | fromYaml -}}
{{- /* A node that is scaled down would take the task with it. */ -}}
{{- $annotations := dict "cluster-autoscaler.kubernetes.io/safe-to-evict" "false" -}}
apiVersion: v1
kind: Pod
metadata:
  name: airflow-worker
  labels:
    {{- mergeOverwrite (deepCopy $workers.labels) $labels | toYaml | nindent 4 }}
  annotations:
    {{- mergeOverwrite $annotations $workers.annotations | toYaml | nindent 4 }}
spec:
  serviceAccountName: airflow-worker
  automountServiceAccountToken: false
  restartPolicy: Never
  terminationGracePeriodSeconds: {{ $workers.terminationGracePeriodSeconds }}
  {{- include "airflow.podSpec" (list $root $workers 50000) | nindent 2 }}
  containers:
    # The executor fills in this container by its name and place.
    - name: base
      {{- include "airflow.image" (list $root "airflow") | nindent 6 }}
      envFrom:
        - configMapRef: {name: airflow-config}
        - secretRef: {name: {{ $root.Values.secrets.variables }}}
      {{- with $workers.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml $workers.resources | nindent 8 }}
      {{- include "airflow.containerSecurityContext" $root | nindent 6 }}
      volumeMounts:
        {{- include "airflow.tmpMount" $root | nindent 8 }}
        {{- include "airflow.pythonMount" $root | nindent 8 }}
        {{- include "airflow.logsMount" $root | nindent 8 }}
        {{- include "airflow.bundleMounts" $root | trim | nindent 8 }}
        {{- include "airflow.extraVolumeMounts" $workers | nindent 8 }}
  volumes:
    {{- include "airflow.tmpVolume" $root | nindent 4 }}
    {{- include "airflow.pythonVolume" $root | nindent 4 }}
    {{- include "airflow.logsVolume" $root | nindent 4 }}
    {{- include "airflow.bundleVolumes" $root | trim | nindent 4 }}
    {{- include "airflow.extraVolumes" $workers | nindent 4 }}
{{- end }}

{{/*
The files of the ConfigMap: pod_template.yaml for all tasks, and one for each of workers.templates, which a task picks.
*/}}
{{- define "airflow.podTemplates" -}}
pod_template.yaml: |
  {{- include "airflow.podTemplate" (list . .Values.workers) | nindent 2 }}
{{- range $name, $own := .Values.workers.templates }}
{{ $name }}.yaml: |
  {{- include "airflow.podTemplate" (list $ (mergeOverwrite (deepCopy $.Values.workers) $own)) | nindent 2 }}
{{- end }}
{{- end }}
