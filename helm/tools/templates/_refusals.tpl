{{/*
Refuses values that the schema lets pass and that would give an Airflow that does not work, or a secret in a ConfigMap.
Each message says what, why, and what to do instead.
*/}}
{{- define "airflow.refuse" -}}
{{- include "airflow.refuseExecutor" . -}}
{{- include "airflow.refuseSecrets" . -}}
{{- include "airflow.refuseFixed" . -}}
{{- include "airflow.refuseBundles" . -}}
{{- include "airflow.refuseAccounts" . -}}
{{- include "airflow.refuseRoute" . -}}
{{- include "airflow.refuseSecondRelease" . -}}
{{- end }}

{{- define "airflow.refuseExecutor" -}}
{{- $executor := include "airflow.executor" . -}}
{{- if not (has $executor (list "KubernetesExecutor" "LocalExecutor,KubernetesExecutor")) -}}
{{- $why := "the chart runs no workers that wait for tasks, and tells the api-server and the policies of no other executor" -}}
{{- fail (printf "config.core.executor: %s is not supported (%s): set KubernetesExecutor or LocalExecutor,KubernetesExecutor" $executor $why) -}}
{{- end -}}
{{- end }}

{{/*
What Airflow and its providers call sensitive. A section's other settings may be in a ConfigMap.
*/}}
{{- define "airflow.secretSettings" -}}
api: [secret_key]
api_auth: [jwt_secret]
atlas: [password]
celery: [broker_url, flower_basic_auth, result_backend]
celery_broker_transport_options: [sentinel_kwargs]
core: [asset_manager_kwargs, fernet_key, sql_alchemy_conn]
database: [sql_alchemy_conn, sql_alchemy_conn_async, sql_alchemy_engine_args]
keycloak_auth_manager: [client_secret]
logging: [remote_task_handler_kwargs]
opensearch: [password]
secrets: [backend_kwargs]
sentry: [sentry_dsn]
smtp: [smtp_password]
webserver: [secret_key]
workers: [secrets_backend_kwargs]
{{- end }}

{{- define "airflow.refuseSecrets" -}}
{{- range $section, $keys := include "airflow.secretSettings" . | fromYaml -}}
{{- range $key := $keys -}}
{{- range $given, $_ := index $.Values.config $section | default dict -}}
{{- if or (eq $given $key) (has $given (list (printf "%s_cmd" $key) (printf "%s_secret" $key))) -}}
{{- $variable := printf "AIRFLOW__%s__%s" (upper $section) (upper $given) -}}
{{- fail (printf "config.%s.%s is a secret, and `config` becomes a ConfigMap: keep %s in a Secret, and give it by extraEnv, or by the Secret of secrets.variables to the code of DAGs" $section $given $variable) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Settings that Services, probes, policies and mounts go by.
*/}}
{{- define "airflow.fixedSettings" -}}
api:
  base_url: set apiServer.baseUrl, which probes and workers follow
  host: set ipv6 where the pods' network has no IPv4
  port: the Service and the probes go to 8080; an Ingress or a Service of yours may have another port
  ssl_cert: the Service and the probes speak plain HTTP; let the Ingress end TLS
  ssl_key: the Service and the probes speak plain HTTP; let the Ingress end TLS
kubernetes_executor:
  multi_namespace_mode: the Role and the ConfigMaps of worker pods are in the release's namespace; give teams bundles, pools and workers.templates, or a release each
  multi_namespace_mode_namespace_list: the Role and the ConfigMaps of worker pods are in the release's namespace; give each team a release
  namespace: the Role, the ConfigMaps and the Secrets of worker pods are in the release's namespace; install the release there
  pod_template_file: set workers, and workers.templates for what some tasks have otherwise
logging:
  base_log_folder: logs are on the volume that is mounted at /opt/airflow/logs
  remote_base_log_folder: set logs.remote.folder
  remote_log_conn_id: set logs.remote.connectionSecret
  remote_logging: set logs.remote.folder
  trigger_log_server_port: the api-server and the policies go to 8794
  worker_log_server_port: the api-server and the policies go to 8793
scheduler:
  enable_health_check: the probes ask this server
  scheduler_health_check_server_host: set ipv6 where the pods' network has no IPv4
  scheduler_health_check_server_port: the probes go to 8974
{{- end }}

{{- define "airflow.refuseFixed" -}}
{{- range $section, $settings := include "airflow.fixedSettings" . | fromYaml -}}
{{- range $key, $why := $settings -}}
{{- if hasKey (index $.Values.config $section | default dict) $key -}}
{{- fail (printf "config.%s.%s cannot be changed: %s" $section $key $why) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "airflow.refuseBundles" -}}
{{- $names := list -}}
{{- range .Values.dags.bundles -}}
{{- if has .name $names -}}
{{- fail (printf "dags.bundles: two bundles have the name %s, which Airflow and the volumes go by: rename one" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end }}

{{/*
Accounts that nobody makes, that two make in different ways, and those whose rights would be the tasks', too.
*/}}
{{- define "airflow.refuseAccounts" -}}
{{- range $name, $own := .Values.workers.templates -}}
{{- with $own.serviceAccount -}}
{{- $values := include "airflow.templateValues" (list $ $name) | fromYaml -}}
{{- $isMade := (include "airflow.contract" (list $ $values) | fromYaml).serviceAccount.create -}}
{{- if not (or $isMade .name (hasKey . "create")) -}}
{{- fail (printf "workers.templates.%s.serviceAccount: none is made, as serviceAccount.create is false, and none is named: set its create to true, or its name to an account that is there" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $accounts := include "airflow.accounts" . | fromJsonArray -}}
{{- range $one := $accounts -}}
{{- range $other := $accounts -}}
{{- if eq $one.name $other.name -}}
{{- if and $one.isWorkerWithToken (has $other.component (list "api-server" "dag-processor" "pod-cleanup" "scheduler")) -}}
{{- fail (printf "%s: its pods have a token for the Kubernetes API, and share the account %s with %s, so that tasks would have its rights: set %s.serviceAccount.name to an account of their own" $one.path $one.name $other.path $one.path) -}}
{{- end -}}
{{- if and $one.create $other.create (ne (toJson $one.annotations) (toJson $other.annotations)) -}}
{{- fail (printf "%s and %s: the account %s is made for both, with different annotations: give one of them another serviceAccount.name" $one.path $other.path $one.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "airflow.refuseRoute" -}}
{{- if and .Values.apiServer.httpRoute.enabled (not (include "airflow.baseUrl" .)) -}}
{{- fail "apiServer.httpRoute.enabled: Airflow must know the URL that users see, for its redirects and cookies: set apiServer.baseUrl" -}}
{{- end -}}
{{- end }}

{{/*
The names of the chart's objects are fixed. Helm names one object that another release owns; this names the release.
*/}}
{{- define "airflow.refuseSecondRelease" -}}
{{- $present := lookup "v1" "ConfigMap" .Release.Namespace "airflow-config" | default dict -}}
{{- $release := dig "metadata" "labels" "app.kubernetes.io/instance" .Release.Name $present -}}
{{- if ne $release .Release.Name -}}
{{- fail (printf "namespace %s has the release %s of this chart, and there is one in a namespace: install %s into another, or upgrade %s" .Release.Namespace $release .Release.Name $release) -}}
{{- end -}}
{{- end }}
