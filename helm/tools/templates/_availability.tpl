{{/*
Spreads the pods of a component over nodes and zones, as far as there are several. Those of an older rollout do not
count: they go. Call: (list $ "scheduler")
*/}}
{{- define "airflow.spread" -}}
topologySpreadConstraints:
  {{- range tuple "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "airflow.selectorLabels" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/*
How a rollout replaces the pods of a component. One that never gets ready, for a mistyped tag or a failed migration, stalls
beside the one before it, which serves on. Call: .Values.scheduler
*/}}
{{- define "airflow.strategy" -}}
strategy:
  {{- .strategy | default (dict "type" "RollingUpdate" "rollingUpdate" (dict "maxSurge" 1 "maxUnavailable" 0)) | toYaml | nindent 2 }}
{{- end }}

{{/*
Lets a drain take one pod of a component at a time; with a single one it would stop every drain.
Call: (list $ "scheduler" .Values.scheduler)
*/}}
{{- define "airflow.podDisruptionBudget" -}}
{{- $values := index . 2 -}}
{{- if gt (int $values.replicas) 1 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "airflow.metadata" (list (index . 0) (index . 1) (printf "airflow-%s" (index . 1))) | nindent 2 }}
spec:
  maxUnavailable: 1
  # A pod that is broken protects nothing.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "airflow.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
