//go:build tools

// Package apiserver names the programs that the tests build: a real kube-apiserver and the etcd it stores in.
package apiserver

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
