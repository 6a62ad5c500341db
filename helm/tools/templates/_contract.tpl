{{/*
What every component takes: the values of these names, at the top level for all components and in a component's own
values for itself. Maps are merged, the component's entries win; lists are joined, and an entry of the component takes
the place of the one that has its name; any other value is the component's, where it has one. Call: (list $ .Values.scheduler)
*/}}
{{- define "airflow.contract" -}}
{{- $common := (index . 0).Values -}}
{{- $own := index . 1 -}}
{{- $contract := dict -}}
{{- $keys := dict "extraContainers" "name" "extraEnv" "name" "extraInitContainers" "name" "extraVolumes" "name"
  "extraVolumeMounts" "mountPath" -}}
{{- range $name := concat (include "airflow.podFields" "" | splitList " ") (list
  "labels" "annotations" "podLabels" "podAnnotations" "serviceAccount" "podSecurityContext" "securityContext" "resources"
  "extraInitContainers" "extraContainers" "extraEnv" "extraEnvFrom" "extraVolumes" "extraVolumeMounts") -}}
{{- $value := get $common $name -}}
{{- if hasKey $own $name -}}
{{- $more := get $own $name -}}
{{- if and (kindIs "map" $value) (kindIs "map" $more) -}}
{{- $value = mergeOverwrite (deepCopy $value) (deepCopy $more) -}}
{{- else if and (kindIs "slice" $value) (kindIs "slice" $more) -}}
{{- $value = concat (include "airflow.othersThan" (list $more $value (get $keys $name)) | fromJsonArray) $more -}}
{{- else -}}
{{- $value = $more -}}
{{- end -}}
{{- end -}}
{{- $_ := set $contract $name $value -}}
{{- end -}}
{{- toYaml $contract -}}
{{- end }}

{{/*
The entries of a list whose key no entry of another list has, as JSON; all of them where the list has no key.
Call: (list $those $entries "name")
*/}}
{{- define "airflow.othersThan" -}}
{{- $key := index . 2 -}}
{{- $taken := list -}}
{{- if $key -}}
{{- range index . 0 -}}
{{- $taken = append $taken (get . $key) -}}
{{- end -}}
{{- end -}}
{{- $others := list -}}
{{- range index . 1 -}}
{{- if not (and $key (has (get . $key) $taken)) -}}
{{- $others = append $others . -}}
{{- end -}}
{{- end -}}
{{- toJson $others -}}
{{- end }}

{{/*
Fields of a pod's spec that are values of the same name.
*/}}
{{- define "airflow.podFields" -}}
affinity dnsConfig dnsPolicy hostAliases nodeSelector priorityClassName runtimeClassName schedulerName
{{- print " terminationGracePeriodSeconds tolerations topologySpreadConstraints" -}}
{{- end }}

{{/*
The components that there are, each with the name of its values, as JSON.
*/}}
{{- define "airflow.components" -}}
{{- $components := dict
  "api-server" "apiServer"
  "dag-processor" "dagProcessor"
  "scheduler" "scheduler"
  "setup" "setup"
  "test" "test"
  "triggerer" "triggerer"
  "worker" "workers" -}}
{{- range $component, $name := dict
  "cleanup" "cleanup" "metrics" "metrics" "pod-cleanup" "podCleanup" "postgresql" "postgresql" -}}
{{- if (get $.Values $name).enabled -}}
{{- $_ := set $components $component $name -}}
{{- end -}}
{{- end -}}
{{- toJson $components -}}
{{- end }}

{{/*
The values of a component; none for what several share. The pod of `helm test` runs where the API server does.
Call: (list $ "scheduler")
*/}}
{{- define "airflow.componentValues" -}}
{{- $values := (index . 0).Values -}}
{{- $component := index . 1 -}}
{{- $own := get $values (get (include "airflow.components" (index . 0) | fromJson) $component) | default dict -}}
{{- if eq $component "test" -}}
{{- $own = merge (deepCopy $own) (pick $values.apiServer "nodeSelector" "tolerations" "affinity" "priorityClassName") -}}
{{- end -}}
{{- toYaml $own -}}
{{- end }}

{{/*
An object that runs pods, with all that the values add to it. Call: (list $ "scheduler" "airflow.schedulerDeployment"),
the last being the template of the object.
*/}}
{{- define "airflow.workload" -}}
{{- $object := include (index . 2) (index . 0) | fromYaml -}}
{{- with $object.Error }}{{ fail . }}{{ end -}}
{{- $values := include "airflow.componentValues" . | fromYaml -}}
{{- include "airflow.fill" (list (index . 0) (index . 1) $values $object) -}}
{{- toYaml $object -}}
{{- end }}

{{/*
Puts what the values add into an object that runs pods, or is one. What the chart itself needs stays: no value takes
away a label of its own, a container, a mount or a variable. Call: (list $ "scheduler" .Values.scheduler $object)
*/}}
{{- define "airflow.fill" -}}
{{- $root := index . 0 -}}
{{- $object := index . 3 -}}
{{- $contract := include "airflow.contract" (list $root (index . 2)) | fromYaml -}}
{{- with mergeOverwrite (dig "metadata" "annotations" dict $object) $contract.annotations -}}
{{- $_ := set $object.metadata "annotations" . -}}
{{- end -}}
{{- $pod := $object -}}
{{- if eq $object.kind "CronJob" -}}
{{- $job := $object.spec.jobTemplate -}}
{{- $_ := set $job.metadata "labels" (mergeOverwrite (deepCopy $contract.labels) $job.metadata.labels) -}}
{{- $pod = $job.spec.template -}}
{{- else if ne $object.kind "Pod" -}}
{{- $pod = $object.spec.template -}}
{{- end -}}
{{- $_ := set $pod.metadata "labels" (mergeOverwrite (deepCopy $contract.labels) $contract.podLabels $pod.metadata.labels) -}}
{{- with mergeOverwrite (dig "metadata" "annotations" dict $pod) $contract.podAnnotations -}}
{{- $_ := set $pod.metadata "annotations" . -}}
{{- end -}}
{{- $spec := $pod.spec -}}
{{- /* Service links would add AIRFLOW_* variables that Airflow did not ask for. */ -}}
{{- $_ := set $spec "enableServiceLinks" false -}}
{{- $account := include "airflow.accountName" . -}}
{{- if ne $account "default" -}}
{{- $_ := set $spec "serviceAccountName" $account -}}
{{- end -}}
{{- with $contract.podSecurityContext -}}
{{- $_ := set $spec "securityContext" . -}}
{{- end -}}
{{- range $root.Values.imagePullSecrets -}}
{{- $_ := set $spec "imagePullSecrets" (append ($spec.imagePullSecrets | default list) (dict "name" .)) -}}
{{- end -}}
{{- range $name := include "airflow.podFields" "" | splitList " " -}}
{{- with get $contract $name -}}
{{- $_ := set $spec $name . -}}
{{- end -}}
{{- end -}}
{{- with $contract.extraVolumes -}}
{{- $_ := set $spec "volumes" (concat ($spec.volumes | default list) .) -}}
{{- end -}}
{{- /* Those of the chart. The resources of a component are those of its containers that have none of their own. */ -}}
{{- range $container := concat ($spec.initContainers | default list) $spec.containers -}}
{{- if not $container.resources -}}
{{- $_ := set $container "resources" $contract.resources -}}
{{- end -}}
{{- $env := include "airflow.othersThan" (list ($container.env | default list) $contract.extraEnv "name") | fromJsonArray -}}
{{- range $field, $more := dict
  "env" $env "envFrom" $contract.extraEnvFrom "volumeMounts" $contract.extraVolumeMounts -}}
{{- with $more -}}
{{- $_ := set $container $field (concat (get $container $field | default list) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* A native sidecar is there before the chart's init containers, and lets a Job or a worker end. */ -}}
{{- range $index, $container := $contract.extraContainers -}}
{{- $_ := set $container "restartPolicy" "Always" -}}
{{- end -}}
{{- with concat $contract.extraContainers $contract.extraInitContainers ($spec.initContainers | default list) -}}
{{- $_ := set $spec "initContainers" . -}}
{{- end -}}
{{- range $container := concat ($spec.initContainers | default list) $spec.containers -}}
{{- range $field, $common := dict "securityContext" $contract.securityContext "resources" $root.Values.resources -}}
{{- with mergeOverwrite (deepCopy $common) (get $container $field | default dict) -}}
{{- $_ := set $container $field . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
