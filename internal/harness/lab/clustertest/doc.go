// Package clustertest drills into an Incus cluster of two members, which `make lab-up CLUSTER=2` adds to the lab.
package clustertest
