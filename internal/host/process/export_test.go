package process

import "os"

// ReadProc reads a file of a process in /proc, as the provider does.
func ReadProc(pid int, file string) ([]byte, error) { return asOwner(pid, file, os.ReadFile) }

// WorkingDirectory is where a process is at work.
func WorkingDirectory(pid int) (string, error) { return asOwner(pid, "cwd", os.Readlink) }
