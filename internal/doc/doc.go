// Package doc holds the project's decisions (adr/), and the test that keeps the README true.
package doc
