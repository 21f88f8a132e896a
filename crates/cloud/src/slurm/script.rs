//! The job: a shell script that starts an agent on a node, and what `sbatch` is told of it.

use crate::LaunchRequest;
use std::path::Path;

/// What the user said of jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct JobOptions {
    pub(super) partition: Option<String>,
    pub(super) account: Option<String>,
    pub(super) qos: Option<String>,
    pub(super) walltime: String,
    pub(super) memory: Option<String>,
    pub(super) gres: Option<String>,
    pub(super) notice_secs: u64,
    pub(super) requeue: bool,
}

/// What runs on the node. The agent's folder is on the node's own disk and goes with the job. The
/// shell passes Slurm's signal on, and waits for the agent, which hands in what it has.
const BODY: &str = r#"
umask 077
own=$(mktemp -d) || exit 1
agent=
tidy() { rm -rf "$own"; }
trap tidy EXIT
trap '[ -z "$agent" ] || kill -TERM "$agent"' TERM
cp "$place"/in/ca.pem "$place"/in/server.pem "$place"/in/server.key "$place"/in/password "$own" || exit 1
start > "$own/said" < /dev/null &
agent=$!
port=
while kill -0 "$agent" 2> /dev/null; do
    port=$(sed -n 's/.*"listening":"[^"]*:\([0-9]*\)".*/\1/p' "$own/said")
    [ -z "$port" ] || break
    sleep 0.2
done
if [ -n "$port" ]; then
    echo "$SLURM_JOB_ID ${SLURMD_NODENAME:-$(hostname)} $port" > "$place/listening.new"
    mv "$place/listening.new" "$place/listening"
fi
code=0
while :; do
    wait "$agent"
    code=$?
    kill -0 "$agent" 2> /dev/null || break
done
exit "$code"
"#;

/// The whole script.
pub(super) fn job(options: &JobOptions, request: &LaunchRequest, place: &Path) -> String {
    let agent = &request.agent;
    let directives = directives(options, request).join("\n#SBATCH ");
    let blenders: Vec<String> = agent.blenders.iter().map(|path| quoted(path)).collect();
    let blenders = blenders.iter().flat_map(|path| [" --blender ", path]).collect::<String>();
    let notice_secs = options.notice_secs;
    let (program, place, threads) = (quoted(&agent.program), quoted(place), agent.threads);
    format!(
        "#!/bin/sh\n#SBATCH {directives}\nplace={place}\nstart() {{ exec {program} --dir \"$own\" \
         --listen 0.0.0.0:0 --threads {threads} --notice-secs {notice_secs}{blenders}; }}\n{}",
        BODY.trim_start()
    )
}

fn directives(options: &JobOptions, request: &LaunchRequest) -> Vec<String> {
    // Slurm takes the first of several partitions that has room.
    let chosen: Vec<&str> = request.choices.iter().map(|it| it.instance_type.as_str()).collect();
    let partition =
        if chosen.is_empty() { options.partition.clone() } else { Some(chosen.join(",")) };
    let mut lines = vec![
        format!("--time={}", options.walltime),
        format!("--signal=B:TERM@{}", options.notice_secs),
        if options.requeue { "--requeue" } else { "--no-requeue" }.to_owned(),
        "--open-mode=append".to_owned(),
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        // Nothing else of the manager's environment is the job's business.
        "--export=HOME,PATH,USER".to_owned(),
    ];
    lines.push(match request.agent.threads {
        0 => "--exclusive".to_owned(),
        threads => format!("--cpus-per-task={threads}"),
    });
    let optional = [
        ("partition", &partition),
        ("account", &options.account),
        ("qos", &options.qos),
        ("mem", &options.memory),
        ("gres", &options.gres),
    ];
    for (name, value) in optional {
        lines.extend(value.as_ref().map(|value| format!("--{name}={value}")));
    }
    lines
}

/// A word of the shell.
pub(super) fn quoted(word: &Path) -> String {
    format!("'{}'", word.display().to_string().replace('\'', r"'\''"))
}
