# Listens at pairs of address and port. For each connection it writes a line, the number
# of the pair and the path of a unix socket, and relays between the connection and whoever
# connects there. The first line is "ready", or why it could not listen.
use strict;
use Socket;
$| = 1;
$SIG{PIPE} = "DEFAULT";
$SIG{CHLD} = "IGNORE";
umask 0;
my $dir = "/run/veza-relay-$$";
mkdir $dir, 0755 or do { print "$dir: $!\n"; exit 1 };
my (@listening, %number);
while (my ($address, $port) = splice @ARGV, 0, 2) {
	socket(my $s, AF_INET, SOCK_STREAM, 0);
	setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
	bind($s, pack_sockaddr_in($port, inet_aton($address))) && listen($s, 128) or do { print "$address:$port: $!\n"; exit 1 };
	push @listening, $s;
}
print "ready\n";
sub pass {
	my ($from, $into) = @_;
	my $n = sysread($from, my $part, 65536);
	return 0 if !$n;
	for (my $at = 0; $at < $n;) {
		my $m = syswrite($into, $part, $n - $at, $at) or return 0;
		$at += $m;
	}
	return 1;
}
sub relay {
	my ($one, $other) = @_;
	$SIG{PIPE} = "IGNORE";
	while (1) {
		my $wait = "";
		vec($wait, fileno($_), 1) = 1 for $one, $other;
		select(my $ready = $wait, undef, undef, undef) >= 0 or next;
		return if vec($ready, fileno($one), 1) && !pass($one, $other);
		return if vec($ready, fileno($other), 1) && !pass($other, $one);
	}
}
my $count = 0;
while (1) {
	my $wait = "";
	vec($wait, fileno($_), 1) = 1 for @listening;
	select(my $ready = $wait, undef, undef, undef) >= 0 or next;
	for my $n (0 .. $#listening) {
		next if !vec($ready, fileno($listening[$n]), 1);
		accept(my $taken, $listening[$n]) or next;
		my $path = "$dir/" . ++$count;
		socket(my $door, AF_UNIX, SOCK_STREAM, 0);
		bind($door, pack_sockaddr_un($path)) && listen($door, 1) or next;
		my $child = fork // next;
		if (!$child) {
			close $_ for @listening;
			local $SIG{ALRM} = sub { exit 1 };
			alarm 60;
			accept(my $other, $door) or exit 1;
			alarm 0;
			unlink $path;
			relay($taken, $other);
			exit 0;
		}
		print "$n $path\n";
	}
}
