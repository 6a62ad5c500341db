{{- define "container" -}}
image: {{ .Values.airflowImage }}
imagePullPolicy: IfNotPresent
envFrom: [{configMapRef: {name: airflow-env}}]
env:
  - {name: DATABASE_PASSWORD, valueFrom: {secretKeyRef: {name: vault, key: database}}}
  - name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
    value: postgresql+psycopg2://airflow:$(DATABASE_PASSWORD)@db/airflow
  - {name: AIRFLOW__CORE__FERNET_KEY, valueFrom: {secretKeyRef: {name: vault, key: fernet}}}
  - {name: AIRFLOW__API_AUTH__JWT_SECRET, valueFrom: {secretKeyRef: {name: vault, key: jwt}}}
  - {name: AIRFLOW__API__SECRET_KEY, valueFrom: {secretKeyRef: {name: vault, key: flask}}}
  - {name: LOGIN_USER, valueFrom: {secretKeyRef: {name: web-login, key: user}}}
  - {name: LOGIN_PASS, valueFrom: {secretKeyRef: {name: web-login, key: pass}}}
  - {name: AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS, value: $(LOGIN_USER):admin}
{{- end }}
