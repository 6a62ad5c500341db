{{/*
What the setup does to the database, as a hash. The Job leaves it in the database as a mark and every component waits
for exactly that mark, so a component starts neither before the migration nor before the administrator exists. Nothing
else goes in here: whatever changes the mark rolls every component.
*/}}
{{- define "airflow.setupMark" -}}
{{- $database := index .Values.config "database" | default dict -}}
{{- $parts := list
  (include "airflow.image" (list . "airflow"))
  (.Files.Get "files/setup_admin.py")
  (include "airflow.databaseSecret" .)
  .Values.secrets.uiCreds
  (index .Values.config "core" | default dict).auth_manager
  $database -}}
{{- $parts | toJson | sha256sum | trunc 12 -}}
{{- end }}

{{/*
Whether users are in Airflow's database, where the chart keeps the administrator; empty for no: another auth manager has
users of its own.
*/}}
{{- define "airflow.hasFab" -}}
{{- $fab := "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager" -}}
{{- if eq $fab ((index .Values.config "core" | default dict).auth_manager | default "") }}true{{ end -}}
{{- end }}

{{/*
Init container of every component that uses the database. `airflow db check-migrations` would ask for less with seconds
of CPU in each pod.
*/}}
{{- define "airflow.waitForSetup" -}}
- name: wait-for-setup
  {{- include "airflow.image" (list . "airflow") | nindent 2 }}
  args: [python, /opt/airflow/scripts/wait_for_setup.py, {{ include "airflow.setupMark" . | quote }}]
  env:
    {{- include "airflow.databaseEnv" . | nindent 4 }}
  resources:
    {{- toYaml .Values.waitForSetup.resources | nindent 4 }}
  volumeMounts:
    {{- include "airflow.scriptsMount" . | nindent 4 }}
{{- end }}

{{/*
Sidecar of the API server that brings a changed login of the Secret into the database: as a mounted file it is renewed
in the running container, which a variable is not, and nobody needs the right to read Secrets.
*/}}
{{- define "airflow.keepAdmin" -}}
- name: keep-admin
  restartPolicy: Always
  {{- include "airflow.image" (list . "airflow") | nindent 2 }}
  args: [python, /opt/airflow/scripts/keep_admin.py, /opt/airflow/ui-creds]
  envFrom:
    - configMapRef: {name: airflow-config}
  env:
    {{- include "airflow.databaseEnv" . | nindent 4 }}
    {{- include "airflow.fernetEnv" . | nindent 4 }}
  resources:
    {{- toYaml .Values.apiServer.keepAdmin.resources | nindent 4 }}
  volumeMounts:
    {{- include "airflow.tmpMount" . | nindent 4 }}
    {{- include "airflow.ownLogsMount" . | nindent 4 }}
    {{- include "airflow.pythonMount" . | nindent 4 }}
    {{- include "airflow.scriptsMount" . | nindent 4 }}
    - {name: ui-creds, mountPath: /opt/airflow/ui-creds, readOnly: true}
{{- end }}

{{- define "airflow.uiCredsVolume" -}}
- name: ui-creds
  secret: {secretName: {{ .Values.secrets.uiCreds }}, defaultMode: 0440}
{{- end }}
