{{- define "airflow.setupJobSpec" -}}
# Retried in place, and for long: at a first install the database takes its time.
backoffLimit: 20
template:
  metadata:
    labels:
      {{- include "airflow.podLabels" (list . "setup") | nindent 6 }}
  spec:
    automountServiceAccountToken: false
    restartPolicy: OnFailure
    initContainers:
      - name: wait-for-database
        {{- include "airflow.image" (list . "airflow") | nindent 8 }}
        args: [python, /opt/airflow/scripts/wait_for_database.py]
        env:
          {{- include "airflow.databaseEnv" . | nindent 10 }}
        resources:
          {{- toYaml .Values.waitForSetup.resources | nindent 10 }}
        volumeMounts:
          {{- include "airflow.scriptsMount" . | nindent 10 }}
      - name: migrate-database
        {{- include "airflow.image" (list . "airflow") | nindent 8 }}
        args: [airflow, db, migrate]
        envFrom:
          - configMapRef: {name: airflow-config}
        env:
          {{- include "airflow.databaseEnv" . | nindent 10 }}
          {{- include "airflow.fernetEnv" . | nindent 10 }}
        volumeMounts:
          {{- include "airflow.tmpMount" . | nindent 10 }}
          {{- include "airflow.ownLogsMount" . | nindent 10 }}
          {{- include "airflow.pythonMount" . | nindent 10 }}
    containers:
      {{- $hasFab := include "airflow.hasFab" . }}
      - name: {{ ternary "set-up-admin" "leave-mark" (not (empty $hasFab)) }}
        {{- include "airflow.image" (list . "airflow") | nindent 8 }}
        args:
          - python
          - /opt/airflow/scripts/{{ ternary "setup_admin.py" "leave_mark.py" (not (empty $hasFab)) }}
          - {{ include "airflow.setupMark" . | quote }}
        envFrom:
          - configMapRef: {name: airflow-config}
        env:
          {{- include "airflow.databaseEnv" . | nindent 10 }}
          {{- include "airflow.fernetEnv" . | nindent 10 }}
          {{- if $hasFab }}
          {{- range tuple "username" "password" "email" }}
          - name: ADMIN_{{ upper . }}
            valueFrom:
              secretKeyRef: {name: {{ $.Values.secrets.uiCreds }}, key: {{ . }}}
          {{- end }}
          {{- end }}
        volumeMounts:
          {{- include "airflow.tmpMount" . | nindent 10 }}
          {{- include "airflow.ownLogsMount" . | nindent 10 }}
          {{- include "airflow.pythonMount" . | nindent 10 }}
          {{- include "airflow.scriptsMount" . | nindent 10 }}
    volumes:
      {{- include "airflow.tmpVolume" . | nindent 6 }}
      {{- include "airflow.ownLogsVolume" . | nindent 6 }}
      {{- include "airflow.pythonVolume" . | nindent 6 }}
      {{- include "airflow.scriptsVolume" . | nindent 6 }}
{{- end }}
