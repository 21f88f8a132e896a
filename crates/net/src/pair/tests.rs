use super::*;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Paired = JoinHandle<Result<Grant, PairError>>;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn machine() -> Machine {
    Machine {
        name: "workshop".to_owned(),
        machine_id: "m1".to_owned(),
        request_pem: "request".to_owned(),
        password: "made on the agent".to_owned(),
    }
}

fn grant() -> Grant {
    let name = "workshop".to_owned();
    Grant { ca_pem: "ca".to_owned(), cert_pem: "cert".to_owned(), name }
}

async fn waiting(shown: &str) -> (String, Paired) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shown = Arc::new(Offer::new(code(shown), machine()));
    let install = |_: &Grant| Ok::<(), String>(());
    (address, tokio::spawn(async move { offer(&listener, shown, install).await }))
}

async fn knocked(address: &str, typed: &str) -> Result<Joining, PairError> {
    Joining::knock(address, &code(typed)).await
}

#[tokio::test]
async fn two_machines_that_know_the_code_exchange_what_they_need() {
    let (address, paired) = waiting("1111-2222").await;
    let joining = knocked(&address, "11112222").await.unwrap();
    assert_eq!(joining.machine.request_pem, "request");
    let machine = joining.grant(&grant()).await.unwrap();
    assert_eq!(machine.password, "made on the agent");
    assert_eq!(paired.await.unwrap().unwrap().ca_pem, "ca");
}

#[tokio::test]
async fn a_wrong_code_costs_a_try_and_the_third_one_ends_the_pairing() {
    let (address, paired) = waiting("1111-2222").await;
    for left in [2, 1, 0] {
        let Err(error) = knocked(&address, "1111-2223").await else { panic!("let in") };
        assert!(matches!(error, PairError::WrongCode { left: told } if told == left), "{error}");
    }
    let ended = paired.await.unwrap();
    assert!(matches!(ended, Err(PairError::WrongCode { left: 0 })));
    let late = knocked(&address, "1111-2222").await;
    assert!(matches!(late, Err(PairError::Unreachable { .. })), "the right one comes too late");
}

#[tokio::test]
async fn a_right_code_after_two_wrong_ones_is_taken() {
    let (address, paired) = waiting("1111-2222").await;
    for wrong in ["0000-0000", "1111-2221"] {
        assert!(knocked(&address, wrong).await.is_err());
    }
    knocked(&address, "1111-2222").await.unwrap().grant(&grant()).await.unwrap();
    assert!(paired.await.unwrap().is_ok());
}

#[tokio::test]
async fn who_says_nothing_or_nonsense_holds_up_nobody_and_costs_no_try() {
    let (address, paired) = waiting("1111-2222").await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    for _ in 0..5 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "a stranger is told nothing");
    }
    knocked(&address, "1111-2222").await.unwrap().grant(&grant()).await.unwrap();
    assert!(paired.await.unwrap().is_ok());
}

/// Stands between a manager and an agent. `change` sees each line; its word is passed on. Gives what
/// the manager sent.
async fn between(
    agent: String,
    change: impl Fn(bool, String) -> String + Send + Sync + 'static,
) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = tokio::spawn(async move {
        let (manager, _) = listener.accept().await.unwrap();
        let agent = TcpStream::connect(agent).await.unwrap();
        let (manager_in, mut manager_out) = manager.into_split();
        let (agent_in, mut agent_out) = agent.into_split();
        let mut from_manager = BufReader::new(manager_in).lines();
        let mut from_agent = BufReader::new(agent_in).lines();
        let mut heard = Vec::new();
        while let Ok(Some(line)) = from_manager.next_line().await {
            heard.push(line.clone());
            let line = change(true, line) + "\n";
            if agent_out.write_all(line.as_bytes()).await.is_err() {
                break;
            }
            let Ok(Some(line)) = from_agent.next_line().await else { break };
            let line = change(false, line) + "\n";
            if manager_out.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        heard
    });
    (address, heard)
}

#[tokio::test]
async fn who_only_listens_in_between_learns_neither_password_nor_code() {
    let (agent, paired) = waiting("1111-2222").await;
    let (address, heard) = between(agent, |_, line| line).await;
    knocked(&address, "1111-2222").await.unwrap().grant(&grant()).await.unwrap();
    paired.await.unwrap().unwrap();
    let heard = heard.await.unwrap().join("\n");
    for secret in ["11112222", "1111-2222", "made on the agent", &hex::encode("made on the agent")]
    {
        assert!(!heard.contains(secret), "{heard}");
    }
}

#[tokio::test]
async fn who_changes_a_hello_in_between_is_noticed() {
    for changed_by_manager in [true, false] {
        let (agent, _paired) = waiting("1111-2222").await;
        // The same meaning in other words: what both sides saw is not the same any more.
        let change = move |of_manager: bool, line: String| {
            if of_manager == changed_by_manager && line.contains("element") {
                return line.replace("\":\"", "\": \"");
            }
            line
        };
        let (address, _heard) = between(agent, change).await;
        let result = knocked(&address, "1111-2222").await;
        assert!(matches!(result, Err(PairError::WrongCode { .. })));
    }
}

#[tokio::test]
async fn who_plays_both_sides_with_a_guess_gets_nothing() {
    let (agent, _paired) = waiting("1111-2222").await;
    let (false_agent, _fooled) = waiting("9999-9999").await;
    let to_manager = knocked(&false_agent, "1111-2222").await;
    assert!(matches!(to_manager, Err(PairError::WrongCode { .. })), "the manager tells it nothing");
    let to_agent = knocked(&agent, "9999-9999").await;
    assert!(matches!(to_agent, Err(PairError::WrongCode { left: 2 })));
}

#[tokio::test]
async fn messages_of_an_earlier_pairing_open_nothing_when_they_are_played_again() {
    let (agent, paired) = waiting("1111-2222").await;
    let (address, heard) = between(agent, |_, line| line).await;
    knocked(&address, "1111-2222").await.unwrap().grant(&grant()).await.unwrap();
    paired.await.unwrap().unwrap();
    let old = heard.await.unwrap();
    // The agent waits again, by chance with the same code.
    let (agent, paired) = waiting("1111-2222").await;
    let mut stream = BufReader::new(TcpStream::connect(&agent).await.unwrap());
    let mut answers = Vec::new();
    for line in old.iter().take(2) {
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        answers.push(answer);
    }
    assert!(answers[1].contains("wrong_code"), "{answers:?}");
    assert!(!paired.is_finished());
}

#[tokio::test]
async fn proofs_at_the_same_time_are_all_counted() {
    let (address, paired) = waiting("1111-2222").await;
    let guesses: Vec<_> = (0..10)
        .map(|guess| {
            let address = address.clone();
            tokio::spawn(async move { knocked(&address, &format!("0000000{guess}")).await.is_ok() })
        })
        .collect();
    for guess in guesses {
        assert!(!guess.await.unwrap());
    }
    assert!(matches!(paired.await.unwrap(), Err(PairError::WrongCode { left: 0 })));
}

#[tokio::test]
async fn an_agent_that_cannot_write_its_grant_says_why_and_is_not_paired() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shown = Arc::new(Offer::new(code("1111-2222"), machine()));
    let install = |_: &Grant| Err("no room on the disk");
    let paired = tokio::spawn(async move { offer(&listener, shown, install).await });
    let refused = knocked(&address, "1111-2222").await.unwrap().grant(&grant()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("no room on the disk")));
    assert!(paired.await.unwrap().is_err());
}

#[tokio::test]
async fn a_machine_that_is_not_there_is_named() {
    let Err(error) = knocked("127.0.0.1:1", "1111-2222").await else { panic!("let in") };
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
