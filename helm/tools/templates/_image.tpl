{{/*
Image of "airflow", "postgresql" or "statsdExporter". Call: (list $ "airflow")
*/}}
{{- define "airflow.image" -}}
{{- $image := index (index . 0).Values.images (index . 1) -}}
{{- $digest := $image.digest | empty | ternary "" (printf "@%s" $image.digest) -}}
image: {{ printf "%s:%s%s" $image.repository $image.tag $digest | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}
