//go:build tools

// Package tools keeps the program that is built here in go.mod.
package tools

import _ "github.com/opencontainers/distribution-spec/conformance"
