{{/*
Data of a Secret as it is in the cluster; empty on a first install and without a cluster.
Call: (list $ "airflow-internal")
*/}}
{{- define "airflow.presentSecret" -}}
{{- $root := index . 0 -}}
{{- (lookup "v1" "Secret" $root.Release.Namespace (index . 1)).data | default dict | toYaml -}}
{{- end }}

{{/*
Whether there is a cluster to ask; empty for no. Without one (`helm template`, Argo CD) the chart cannot know what it
generated before and generates nothing: each rendering would bring other keys. Every namespace has the ServiceAccount
`default`; a namespace that Helm is about to make has nothing yet, but its cluster has `kube-system`.
*/}}
{{- define "airflow.hasCluster" -}}
{{- if or (lookup "v1" "ServiceAccount" .Release.Namespace "default") (lookup "v1" "Namespace" "" "kube-system") -}}
true
{{- end -}}
{{- end }}

{{/*
Data of airflow-internal; nothing without a cluster. What is in the cluster stays: a new Fernet key could not read the
database, a new JWT key would end every task that runs. The Secret and its checksums are rendered in separate templates
and must agree on what is random, so the first to ask decides and the answer is kept beside the values.
*/}}
{{- define "airflow.internalData" -}}
{{- if include "airflow.hasCluster" . -}}
{{- if not (hasKey .Values "internalData") -}}
{{- $present := include "airflow.presentSecret" (list . "airflow-internal") | fromYaml -}}
{{- /* A Fernet key is itself base64, of 32 bytes. HS512, which signs tokens, wants 64 bytes. */ -}}
{{- $fresh := dict
  "fernet-key" (randAlphaNum 32 | b64enc | b64enc)
  "jwt-secret" (randAlphaNum 64 | b64enc)
  "api-secret-key" (randAlphaNum 32 | b64enc) -}}
{{- $_ := set .Values "internalData" (mergeOverwrite $fresh $present) -}}
{{- end -}}
{{- toYaml .Values.internalData -}}
{{- end -}}
{{- end }}

{{- define "airflow.internalName" -}}
{{- .Values.secrets.internal.existingSecret | default "airflow-internal" -}}
{{- end }}

{{/*
Rolls the pods that use airflow-internal when somebody deleted it and it was made anew. A Secret managed by hand is
out of the chart's sight.
*/}}
{{- define "airflow.internalChecksum" -}}
{{- if not .Values.secrets.internal.existingSecret -}}
{{- with include "airflow.internalData" . -}}
checksum/internal: {{ sha256sum . }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Annotations of what outlives the release. Helm keeps it at an uninstall. Argo CD renders no Secret, and would remove as
no longer wanted what Helm made before.
*/}}
{{- define "airflow.keep" -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/compare-options: IgnoreExtraneous
argocd.argoproj.io/sync-options: Prune=false,Delete=false
{{- end }}

{{- define "airflow.databaseSecret" -}}
{{- .Values.database.existingSecret | default "airflow-postgresql" -}}
{{- end }}

{{- define "airflow.databaseEnv" -}}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  valueFrom:
    secretKeyRef: {name: {{ include "airflow.databaseSecret" . }}, key: connection}
{{- end }}

{{- define "airflow.fernetEnv" -}}
- name: AIRFLOW__CORE__FERNET_KEY
  valueFrom:
    secretKeyRef: {name: {{ include "airflow.internalName" . }}, key: fernet-key}
{{- end }}

{{- define "airflow.jwtEnv" -}}
- name: AIRFLOW__API_AUTH__JWT_SECRET
  valueFrom:
    secretKeyRef: {name: {{ include "airflow.internalName" . }}, key: jwt-secret}
{{- end }}

{{- define "airflow.apiSecretKeyEnv" -}}
- name: AIRFLOW__API__SECRET_KEY
  valueFrom:
    secretKeyRef: {name: {{ include "airflow.internalName" . }}, key: api-secret-key}
{{- end }}
