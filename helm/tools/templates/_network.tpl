{{/*
A NetworkPolicy of a component; what it does not allow is refused. The kubelet's probes and `kubectl port-forward` come
from the node, which Kubernetes always lets in. Call: (list $ "scheduler"), then spec.ingress and spec.egress.
*/}}
{{- define "airflow.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "airflow.metadata" (list (index . 0) (index . 1) (printf "airflow-%s" (index . 1))) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "airflow.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/*
The pods of a component. Call: (list $ "scheduler")
*/}}
{{- define "airflow.peer" -}}
- podSelector:
    matchLabels:
      {{- include "airflow.selectorLabels" . | nindent 6 }}
{{- end }}

{{- define "airflow.egressToDns" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{- define "airflow.egressToDatabase" -}}
{{- if .Values.postgresql.enabled -}}
- to:
    {{- include "airflow.peer" (list . "postgresql") | nindent 4 }}
  ports:
    - {protocol: TCP, port: 5432}
{{- else -}}
{{- with .Values.networkPolicies.externalDatabase }}{{ toYaml . }}{{ end }}
{{- end }}
{{- end }}

{{- define "airflow.egressToKubernetes" -}}
{{- with .Values.networkPolicies.kubernetesApi }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "airflow.egressToMetrics" -}}
{{- if .Values.metrics.enabled -}}
- to:
    {{- include "airflow.peer" (list . "metrics") | nindent 4 }}
  ports:
    - {protocol: UDP, port: 9125}
{{- end }}
{{- end }}

{{/*
What a user lets a component connect to beyond Airflow's needs. Call: (list $ "scheduler")
*/}}
{{- define "airflow.extraEgress" -}}
{{- with index (index . 0).Values.networkPolicies.egress (index . 1) }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "airflow.egressToApiServer" -}}
- to:
    {{- include "airflow.peer" (list . "api-server") | nindent 4 }}
  ports:
    - {protocol: TCP, port: 8080}
{{- end }}
