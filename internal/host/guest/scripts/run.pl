# Becomes a user, goes to a directory and runs a program there, as su would: what keeps
# it from that is said with the word in VEZA_SCRATCH before it, which no program knows.
use strict;
my ($uid, $gid, $groups, $dir, $wanted, @argv) = @ARGV;
sub fail { print STDERR "$ENV{VEZA_SCRATCH} ", $! + 0, " $_[0]: $!\n"; exit 125 }
if ($uid != $> || $gid != ($) + 0)) {
	$! = 0;
	$) = "$gid $groups";
	$( = $gid;
	fail("group $gid") if $!;
	$< = $uid;
	fail("user $uid") if $!;
	$> = $uid;
	fail("user $uid") if $! || $> != $uid || $< != $uid;
}
# A home need not be there; a directory that was asked for must be.
chdir $dir or $wanted eq "" && chdir "/" or fail("directory $dir");
no warnings;
exec { $argv[0] } @argv;
fail("program $argv[0]");
