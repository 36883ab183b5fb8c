// Package backup holds the acceptance checks on the backups as they are taken. Its one
// test, TestBackup, states claim by claim what good backups are.
//
// Start at backup_test.go, the list of the claims. Each claim is a plain file of its own:
// a function that is handed the open source and returns what is wrong. The env_*_test.go
// files choose the machines by build tag, as in package drill.
package backup
