{{/*
Values that YAML read as numbers are floats to Helm; whole ones must not become 1e+06.
*/}}
{{- define "airflow.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end }}
{{- end }}

{{/*
Settings that follow from other values or from where the chart mounts things.
*/}}
{{- define "airflow.derivedConfig" -}}
core:
  execution_api_server_url: http://airflow-api-server:8080{{ include "airflow.basePath" . }}/execution/
{{- $url := include "airflow.baseUrl" . }}
{{- if or $url .Values.ipv6 }}
api:
  {{- with $url }}
  base_url: {{ . }}
  {{- end }}
  {{- if .Values.ipv6 }}
  host: "::"
  {{- end }}
{{- end }}
dag_processor:
  dag_bundle_config_list: {{ include "airflow.bundleList" . | quote }}
kubernetes_executor:
  namespace: {{ .Release.Namespace }}
  pod_template_file: /opt/airflow/pod_template/pod_template.yaml
logging:
  base_log_folder: /opt/airflow/logs
  {{- with .Values.logs.remote }}
  {{- if .folder }}
  remote_logging: "True"
  remote_base_log_folder: {{ .folder }}
  {{- /* Without a connection the store's own client finds the identity of the pod. */}}
  remote_log_conn_id: {{ ternary "" "remote_logs" (empty .connectionSecret) | quote }}
  {{- end }}
  {{- end }}
{{- if .Values.metrics.enabled }}
metrics:
  statsd_on: "True"
  statsd_host: airflow-metrics
  statsd_port: "9125"
  {{- if .Values.ipv6 }}
  statsd_ipv6: "True"
  {{- end }}
  # A DAG's and a task's id as labels of one metric; the older names have them inside, and are another metric for each task.
  statsd_influxdb_enabled: "True"
  legacy_names_on: "False"
  # Airflow does no work whose metric it cannot name, and cannot name a DAG that is not ASCII.
  stat_name_handler: metric_names.make_stat_name
{{- end }}
scheduler:
  # The scheduler's probes ask this server, which knows IPv4 alone.
  enable_health_check: {{ ternary "False" "True" .Values.ipv6 | quote }}
{{- end }}

{{- define "airflow.executor" -}}
{{- (index .Values.config "core" | default dict).executor | default "" | toString | nospace -}}
{{- end }}

{{/*
Whether tasks run in the scheduler's pod, too; empty for no.
*/}}
{{- define "airflow.hasLocalExecutor" -}}
{{- if contains "LocalExecutor" (include "airflow.executor" .) }}true{{ end -}}
{{- end }}

{{- define "airflow.bundleList" -}}
{{- $bundles := list -}}
{{- range .Values.dags.bundles -}}
{{- $class := "airflow.dag_processing.bundles.local.LocalDagBundle" -}}
{{- $kwargs := dict "path" (printf "/opt/airflow/bundles/%s" .name) -}}
{{- if .versioned -}}
{{- $class = "configmap_dag_bundle.ConfigMapDagBundle" -}}
{{- $kwargs = dict "config_map" .configMap -}}
{{- end -}}
{{- $bundles = append $bundles (dict "name" .name "classpath" $class "kwargs" $kwargs) -}}
{{- end -}}
{{- toJson $bundles -}}
{{- end }}

{{/*
Whether any bundle has versions: only then does a pod need the Kubernetes API to read DAGs. Empty for no.
*/}}
{{- define "airflow.hasVersions" -}}
{{- range .Values.dags.bundles }}{{ if .versioned }}true{{ end }}{{ end -}}
{{- end }}

{{/*
All settings as Airflow's environment variables.
*/}}
{{- define "airflow.config" -}}
{{- $config := mergeOverwrite (include "airflow.derivedConfig" . | fromYaml) (deepCopy .Values.config) -}}
{{- range $section, $settings := $config }}
{{- range $key, $value := $settings }}
AIRFLOW__{{ upper $section }}__{{ upper $key }}: {{ include "airflow.scalar" $value | quote }}
{{- end }}
{{- end }}
# The chart's own DAG bundle, see airflow-python.
PYTHONPATH: /opt/airflow/python
{{- end }}

{{- define "airflow.configChecksum" -}}
checksum/config: {{ print (include "airflow.config" .) (.Files.Glob "files/python/*").AsConfig | sha256sum }}
{{- end }}
