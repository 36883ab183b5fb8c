# shellcheck shell=sh disable=SC2154 # dir, ahead and archive_get stand before it
# fetch_ahead NAME PATH brings the next segments of the archive while the server replays this one. It
# exits with 1 where it has not brought this one itself: the restore_command that stands after it
# then asks the archive, and only that answer counts.
#
# list holds the segments in the order of the replay, in/NAME is one that archive-get has brought
# whole, taken holds those the server was given, failed what archive-get last said when it brought
# none. Whoever brings one holds the lock of lock/NAME, which the kernel takes back with the last
# process that has it, however that ends.
name=$1 path=$2

bring() { # NAME
  exec 9>"lock/$1" && flock -n 9 || return # somebody does already
  [ -e "in/$1" ] && return
  {
    if archive_get "$1" "$PWD/part/$1" >"part/$1.said" 2>&1; then
      mv "part/$1" "in/$1"
    else
      mv -f "part/$1.said" failed
    fi
    rm -f "part/$1" "part/$1.said"
  } </dev/null >/dev/null 2>&1 &
}

case $path in /*) ;; *) path=$PWD/$path ;; esac
cd "$dir" || exit
following=$(grep -Fx -A "$ahead" -e "$name" list) || exit # of this list alone: no history file
for segment in $following; do
  [ "$segment" = "$name" ] || [ -e "in/$segment" ] || bring "$segment"
done
exec 9>"lock/$name" && flock -w 300 9 && mv "in/$name" "$path" 2>/dev/null || exit 1
echo "$name" 2>/dev/null >>taken || : # it is there, whoever counts
