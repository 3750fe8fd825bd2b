{{- define "graphwarden.labels" -}}
app.kubernetes.io/part-of: graphwarden
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "graphwarden.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The restricted Pod Security standard. */}}
{{- define "graphwarden.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "graphwarden.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Whether this release serves external.metrics.k8s.io: asked to, and nobody else does. */}}
{{- define "graphwarden.countsRuns" -}}
{{- $there := lookup "apiregistration.k8s.io/v1" "APIService" "" "v1beta1.external.metrics.k8s.io" -}}
{{- $owner := dig "metadata" "annotations" "graphwarden.dev/namespace" "" $there -}}
{{- and .Values.externalMetrics.enabled (or (empty $there) (eq $owner .Release.Namespace)) -}}
{{- end }}

{{- define "graphwarden.storageSecret" -}}
{{- if .Values.storage.evaluation }}graphwarden-evaluation-postgres{{ else }}{{ .Values.storage.secretName }}{{ end }}
{{- end }}

{{/* The chart's own settings of every pool, under what the user wrote in poolDefaults. */}}
{{- define "graphwarden.poolDefaults" -}}
{{- $worker := dict "image" (include "graphwarden.image" (list . .Values.images.worker)) "imagePullPolicy" .Values.images.worker.pullPolicy -}}
{{- $defaults := dict "worker" $worker -}}
{{- with include "graphwarden.storageSecret" . -}}
{{- $_ := set $defaults "storage" (dict "secretRef" (dict "name" . "key" $.Values.storage.secretKey)) -}}
{{- end -}}
{{- mergeOverwrite $defaults (deepCopy .Values.poolDefaults) | toYaml -}}
{{- end }}

{{/* The variables by which routers and workers make spans: a JSON object, empty for none. */}}
{{- define "graphwarden.tracing" -}}
{{- $env := dict -}}
{{- with .Values.tracing -}}
{{- if .endpoint -}}
{{- $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" .endpoint -}}
{{- end -}}
{{- if .kept -}}
{{- $_ := set $env "GRAPHWARDEN_TRACES_KEPT" (toString (int .kept)) -}}
{{- end -}}
{{- if $env -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER" "parentbased_traceidratio" -}}
{{- $_ := set $env "OTEL_TRACES_SAMPLER_ARG" (toString .ratio) -}}
{{- end -}}
{{- if and $env .hosts -}}
{{- $_ := set $env "GRAPHWARDEN_TRACE_HOSTS" (join "," .hosts) -}}
{{- end -}}
{{- end -}}
{{- toJson $env -}}
{{- end }}

{{/* Server-side apply of an object that is not there needs create beside patch. */}}
{{- define "graphwarden.operatorRules" -}}
- apiGroups: [graphwarden.dev]
  resources: [graphspecs, graphpools]
  verbs: [list, watch]
- apiGroups: [graphwarden.dev]
  resources: [graphspecs/status, graphpools/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, patch, delete]
{{- if .Values.keda.enabled }}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list, watch, create, patch, delete]
{{- end }}
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- define "graphwarden.routerRules" -}}
- apiGroups: [graphwarden.dev]
  resources: [graphspecs, graphpools]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- end }}

{{/* (list . port): what a Prometheus that goes by annotations looks for. */}}
{{- define "graphwarden.scrapeAnnotations" -}}
{{- if (index . 0).Values.metrics.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ index . 1 | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
