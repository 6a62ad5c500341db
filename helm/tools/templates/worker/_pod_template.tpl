{{/*
What the executor makes every worker pod of. Workers speak to the API server alone, with a token of their task: they get
neither the database, nor a key, nor the Kubernetes API.
*/}}
{{- define "airflow.podTemplate" -}}
apiVersion: v1
kind: Pod
metadata:
  name: airflow-worker
  labels:
    {{- include "airflow.podLabels" (list . "worker") | nindent 4 }}
  annotations:
    # A node that is scaled down would take the task with it.
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
spec:
  serviceAccountName: airflow-worker
  automountServiceAccountToken: false
  restartPolicy: Never
  terminationGracePeriodSeconds: {{ .Values.workers.terminationGracePeriodSeconds }}
  {{- include "airflow.podSpec" (list . .Values.workers 50000) | nindent 2 }}
  containers:
    # The executor fills in this container by its name and place.
    - name: base
      {{- include "airflow.image" (list . "airflow") | nindent 6 }}
      envFrom:
        - configMapRef: {name: airflow-config}
        - secretRef: {name: {{ .Values.secrets.variables }}}
      {{- with .Values.workers.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .Values.workers.resources | nindent 8 }}
      {{- include "airflow.containerSecurityContext" . | nindent 6 }}
      volumeMounts:
        {{- include "airflow.tmpMount" . | nindent 8 }}
        {{- include "airflow.pythonMount" . | nindent 8 }}
        {{- include "airflow.logsMount" . | nindent 8 }}
        {{- include "airflow.bundleMounts" . | trim | nindent 8 }}
        {{- include "airflow.extraVolumeMounts" .Values.workers | nindent 8 }}
  volumes:
    {{- include "airflow.tmpVolume" . | nindent 4 }}
    {{- include "airflow.pythonVolume" . | nindent 4 }}
    {{- include "airflow.logsVolume" . | nindent 4 }}
    {{- include "airflow.bundleVolumes" . | trim | nindent 4 }}
    {{- include "airflow.extraVolumes" .Values.workers | nindent 4 }}
{{- end }}
