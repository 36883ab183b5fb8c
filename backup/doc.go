// Package backup holds the acceptance checks on the backups as they are taken. Its one
// test, TestBackup, states claim by claim what a good backup regime is.
//
// Start at backup_test.go. Each claim has a file of its own; the env_*_test.go files
// choose the machines by build tag, as in package drill.
package backup
