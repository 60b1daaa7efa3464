{{- define "weir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Leaves room for what is put behind it. */}}
{{- define "weir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "weir.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "weir.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "weir.selectorLabels" -}}
app.kubernetes.io/name: {{ include "weir.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "weir.labels" -}}
{{ include "weir.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "weir.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "weir.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "weir.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "weir.databaseHost" -}}
{{- if .Values.storage.postgresql.external.enabled -}}{{ .Values.storage.postgresql.external.host }}{{- end -}}
{{- end -}}

{{- define "weir.usesDatabase" -}}
{{- $postgres := dig "storage" "postgres" (dict) .Values.weir -}}
{{- if or (include "weir.databaseHost" .) $postgres.host $postgres.url -}}true{{- end -}}
{{- end -}}

{{/*
The cluster block as Weir is given it: that of `weir`, then that of `bifrost`, then what pods need to find
each other.
*/}}
{{- define "weir.cluster" -}}
{{- $cluster := mergeOverwrite (deepCopy (.Values.weir.cluster | default (dict))) (deepCopy (dig "cluster" (dict) .Values.bifrost)) -}}
{{- $discovery := $cluster.discovery | default (dict) -}}
{{- if and $cluster.enabled $discovery.enabled -}}
{{- if and (eq ($discovery.type | default "") "kubernetes") (not $discovery.k8sLabelSelector) (not $discovery.serviceName) -}}
{{- $_ := set $discovery "k8sLabelSelector" (printf "app.kubernetes.io/name=%s,app.kubernetes.io/instance=%s" (include "weir.name" .) .Release.Name) -}}
{{- end -}}
{{- if and (eq ($discovery.type | default "") "dns") (not $discovery.dnsNames) -}}
{{- $_ := set $discovery "dnsNames" (list (printf "%s-peers.%s.svc" (include "weir.fullname" .) .Release.Namespace)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gossipKeys.existingSecret $cluster.enabled -}}
{{- $_ := set $cluster "gossip" (mergeOverwrite ($cluster.gossip | default (dict)) (dict "keyFile" (printf "/etc/weir/gossip/%s" .Values.gossipKeys.key))) -}}
{{- end -}}
{{- if and .Values.peerTls.existingSecret $cluster.enabled -}}
{{- $tls := dict "certFile" "/etc/weir/peer-tls/tls.crt" "keyFile" "/etc/weir/peer-tls/tls.key" "caFile" "/etc/weir/peer-tls/ca.crt" -}}
{{- $_ := set $cluster "grpc" (mergeOverwrite ($cluster.grpc | default (dict)) (dict "tls" $tls)) -}}
{{- end -}}
{{- toYaml $cluster -}}
{{- end -}}

{{/* weir.yaml. */}}
{{- define "weir.settings" -}}
{{- $own := deepCopy .Values.weir -}}
{{- $external := .Values.storage.postgresql.external -}}
{{- $listen := dict "host" "0.0.0.0" -}}
{{- $filled := dict "grpc" (merge (dict "port" .Values.service.grpcPort) $listen) "http" (merge (dict "port" .Values.service.httpPort) $listen) "api" (dict "allowUnauthenticatedRemoteAccess" true) -}}
{{- if include "weir.databaseHost" . -}}
{{- $postgres := pick $external "host" "port" "user" "database" "sslMode" -}}
{{- if $external.existingSecret -}}
{{- $_ := set $postgres "passwordFile" (printf "/etc/weir/database/%s" $external.passwordKey) -}}
{{- end -}}
{{- $_ := set $filled "storage" (dict "postgres" $postgres) -}}
{{- end -}}
{{- $settings := mergeOverwrite $filled $own -}}
{{- $_ := set $settings "cluster" (include "weir.cluster" . | fromYaml) -}}
{{- toYaml $settings -}}
{{- end -}}

{{- define "weir.peerPort" -}}
{{- $cluster := include "weir.cluster" . | fromYaml -}}
{{- dig "grpc" "port" 10102 $cluster | int -}}
{{- end -}}

{{- define "weir.gossipPort" -}}
{{- $cluster := include "weir.cluster" . | fromYaml -}}
{{- dig "gossip" "port" 7946 $cluster | int -}}
{{- end -}}

{{- define "weir.asksKubernetes" -}}
{{- $cluster := include "weir.cluster" . | fromYaml -}}
{{- if and $cluster.enabled (dig "discovery" "enabled" false $cluster) (eq (dig "discovery" "type" "" $cluster) "kubernetes") -}}true{{- end -}}
{{- end -}}

{{/* What would start and not work is refused before anything is installed. */}}
{{- define "weir.validate" -}}
{{- $cluster := include "weir.cluster" . | fromYaml -}}
{{- $several := or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}
{{- if and $cluster.enabled (not (include "weir.usesDatabase" .)) -}}
{{- fail "storage.postgresql.external.host is not set, and a cluster needs a PostgreSQL that all replicas share. Set it, or for one replica with a database of its own: replicaCount=1, weir.cluster.enabled=false" -}}
{{- end -}}
{{- if and $several (not (include "weir.usesDatabase" .)) -}}
{{- fail "storage.postgresql.external.host is not set, and several replicas need a PostgreSQL that all share. Set it, or set replicaCount=1 and autoscaling.enabled=false" -}}
{{- end -}}
{{- if and (not (include "weir.usesDatabase" .)) (not .Values.persistence.enabled) -}}
{{- fail "persistence.enabled is false, and the embedded database would lose everything with its pod. Set it to true, or set storage.postgresql.external.host" -}}
{{- end -}}
{{- range $block, $port := dict "grpc" "service.grpcPort" "http" "service.httpPort" -}}
{{- if dig $block "port" "" $.Values.weir -}}
{{- fail (printf "weir.%s.port is set, and the services would not know of it. Set %s instead" $block $port) -}}
{{- end -}}
{{- end -}}
{{- $needed := addf 10 (divf (addf (dig "shutdown" "drainDelayMs" 0 .Values.weir) (dig "shutdown" "graceMs" 25000 .Values.weir)) 1000) | ceil | int -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) $needed -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, and a pod needs weir.shutdown.drainDelayMs + graceMs and ten seconds to stop. Set it to %d or more" (int .Values.terminationGracePeriodSeconds) $needed) -}}
{{- end -}}
{{- end -}}
