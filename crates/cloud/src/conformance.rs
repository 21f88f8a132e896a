//! What every provider must do, as tests that every provider runs.
//!
//! A provider's own test makes a [`Subject`], its provider and the world around it, and calls
//! [`run`]. What a world can't be made to do is told as skipped, never as passed.

use crate::{
    FarmTag, InstanceId, InstanceState, LaunchRequest, LaunchToken, Provider, ProviderError,
};
use async_trait::async_trait;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Most await points of a launch at which its caller is made to die.
const MOST_CRASHES: usize = 60;
/// Looks at a list after which what it lacks is not there.
const LOOKS: usize = 40;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Something to go wrong in the world of a provider, from now on for some requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next requests are refused because there are too many.
    Throttle,
    /// The first choice of the next launch has no capacity; the second has.
    FirstChoiceTaken,
    /// No choice of the next launch has capacity.
    AllTaken,
    /// The next lists lack what was launched last.
    ListsLate,
    /// Answers come in pages that are smaller than the farm.
    SmallPages,
    /// The provider's clock is not ours.
    ClockSkew,
    /// The credentials are not accepted any more.
    CredentialsExpired,
}

/// A provider in a world that tests may use and break.
#[async_trait]
pub trait Subject: Sync {
    /// A new caller of the provider, as after a crash of the one before. The world stays.
    async fn caller(&self) -> Arc<dyn Provider>;
    /// A launch with two choices that this world has.
    fn request(&self, farm: &FarmTag, token: &LaunchToken) -> LaunchRequest;
    /// Makes something go wrong; `false` when this world can't.
    async fn inject(&self, fault: Fault) -> bool;
    /// Makes everything right again.
    async fn mend(&self);
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider does what it must.
    Passed,
    /// This world can't be made to do it.
    Skipped,
}

type Tested = Result<Outcome, String>;

/// Runs all tests. Gives what each came to, or the first failure.
pub async fn run(subject: &dyn Subject) -> Result<Vec<(&'static str, Outcome)>, String> {
    let mut outcomes = Vec::new();
    for (name, fault) in [
        ("launch, list, end", None),
        ("double launch", None),
        ("crash of the caller at each step", None),
        ("throttling", Some(Fault::Throttle)),
        ("partial capacity", Some(Fault::FirstChoiceTaken)),
        ("no capacity", Some(Fault::AllTaken)),
        ("lists that come late", Some(Fault::ListsLate)),
        ("lists in pages", Some(Fault::SmallPages)),
        ("clock skew", Some(Fault::ClockSkew)),
        ("expired credentials", Some(Fault::CredentialsExpired)),
    ] {
        let test = Test { subject, farm: FarmTag(format!("conformance-{}", outcomes.len())) };
        let tested = test.run(name, fault).await;
        subject.mend().await;
        let swept = test.sweep().await;
        let outcome = tested.map_err(|why| format!("{name}: {why}"))?;
        swept.map_err(|why| format!("{name}: {why}"))?;
        outcomes.push((name, outcome));
    }
    Ok(outcomes)
}

struct Test<'a> {
    subject: &'a dyn Subject,
    farm: FarmTag,
}

fn said(doing: &'static str) -> impl Fn(ProviderError) -> String {
    move |error| format!("{doing}: {error}")
}

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl Test<'_> {
    async fn run(&self, name: &str, fault: Option<Fault>) -> Tested {
        match fault {
            None if name == "double launch" => self.double_launch().await,
            None if name == "launch, list, end" => self.whole_life().await,
            None => self.crashes().await,
            Some(Fault::SmallPages) => self.pages().await,
            Some(Fault::AllTaken) => self.all_taken().await,
            Some(Fault::CredentialsExpired) => self.expired().await,
            Some(fault) => self.works_in_spite_of(fault).await,
        }
    }

    fn request(&self, name: &str) -> LaunchRequest {
        self.subject.request(&self.farm, &LaunchToken(name.to_owned()))
    }

    async fn launch(&self, caller: &dyn Provider, name: &str) -> Result<InstanceId, String> {
        let request = self.request(name);
        let instance = caller.launch(&request).await.map_err(said("launching"))?;
        must(instance.token == request.token, || format!("it has the token {}", instance.token))?;
        must(instance.state != InstanceState::Ended, || "it is ended already".to_owned())?;
        Ok(instance.id)
    }

    async fn listed(&self, caller: &dyn Provider) -> Result<Vec<InstanceId>, String> {
        let list = caller.list(&self.farm).await.map_err(said("listing"))?;
        let alive = list.into_iter().filter(|i| i.state != InstanceState::Ended);
        Ok(alive.map(|instance| instance.id).collect())
    }

    /// Waits until as many are listed; lists may come late.
    async fn listed_at_last(&self, count: usize) -> Result<Vec<InstanceId>, String> {
        let caller = self.subject.caller().await;
        let mut listed = vec![];
        for _ in 0..LOOKS {
            listed = self.listed(&*caller).await?;
            if listed.len() == count {
                return Ok(listed);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{count} should be listed, and there are {listed:?}"))
    }

    /// What the manager does with what no record explains.
    async fn sweep(&self) -> Result<(), String> {
        let caller = self.subject.caller().await;
        for _ in 0..LOOKS {
            let listed = self.listed(&*caller).await?;
            if listed.is_empty() {
                return Ok(());
            }
            for id in listed {
                caller.terminate(&id).await.map_err(said("ending what is left"))?;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err("instances are left after a sweep".to_owned())
    }

    async fn whole_life(&self) -> Tested {
        let caller = self.subject.caller().await;
        let id = self.launch(&*caller, "life").await?;
        must(self.listed_at_last(1).await? == [id.clone()], || "another is listed".to_owned())?;
        let found = caller.describe(&id).await.map_err(said("describing"))?;
        must(found.token.0 == "life", || format!("described with the token {}", found.token))?;
        caller.console(&id).await.map_err(said("reading the console"))?;
        let other = FarmTag(format!("{}-other", self.farm));
        let others = caller.list(&other).await.map_err(said("listing another farm"))?;
        must(others.is_empty(), || "another farm lists it".to_owned())?;
        caller.terminate(&id).await.map_err(said("ending"))?;
        self.listed_at_last(0).await?;
        caller.terminate(&id).await.map_err(said("ending what is ended"))?;
        match caller.describe(&id).await {
            Ok(instance) if instance.state == InstanceState::Ended => {}
            Err(ProviderError::Unknown { .. }) => {}
            other => return Err(format!("after its end it is {other:?}")),
        }
        Ok(Outcome::Passed)
    }

    async fn double_launch(&self) -> Tested {
        let caller = self.subject.caller().await;
        let first = self.launch(&*caller, "twice").await?;
        let second = self.launch(&*caller, "twice").await?;
        must(first == second, || format!("one token gave {first} and {second}"))?;
        let third = self.launch(&*caller, "other").await?;
        must(first != third, || "two tokens gave one instance".to_owned())?;
        self.listed_at_last(2).await?;
        Ok(Outcome::Passed)
    }

    /// The caller dies at its first, second, third … await: its successor launches the same, and
    /// there is one.
    async fn crashes(&self) -> Tested {
        for step in 1..=MOST_CRASHES {
            let caller = self.subject.caller().await;
            let request = self.request(&format!("crash-{step}"));
            let ended = polled(caller.launch(&request), step).await;
            drop(caller);
            let successor = self.subject.caller().await;
            let id = self.launch(&*successor, &format!("crash-{step}")).await?;
            let one = self.listed_at_last(1).await.map_err(|e| format!("step {step}: {e}"))?;
            must(one == [id.clone()], || format!("step {step}: {one:?} instead of {id}"))?;
            successor.terminate(&id).await.map_err(said("ending"))?;
            self.listed_at_last(0).await?;
            if ended {
                return Ok(Outcome::Passed);
            }
        }
        Ok(Outcome::Passed)
    }

    async fn works_in_spite_of(&self, fault: Fault) -> Tested {
        let caller = self.subject.caller().await;
        if !self.subject.inject(fault).await {
            return Ok(Outcome::Skipped);
        }
        let id = self.launch(&*caller, "spite").await?;
        let again = self.launch(&*caller, "spite").await?;
        must(id == again, || format!("one token gave {id} and {again}"))?;
        must(self.listed_at_last(1).await? == [id], || "another is listed".to_owned())?;
        Ok(Outcome::Passed)
    }

    async fn pages(&self) -> Tested {
        let caller = self.subject.caller().await;
        if !self.subject.inject(Fault::SmallPages).await {
            return Ok(Outcome::Skipped);
        }
        for name in ["page-1", "page-2", "page-3", "page-4", "page-5", "page-6", "page-7"] {
            self.launch(&*caller, name).await?;
        }
        self.listed_at_last(7).await?;
        Ok(Outcome::Passed)
    }

    async fn all_taken(&self) -> Tested {
        let caller = self.subject.caller().await;
        if !self.subject.inject(Fault::AllTaken).await {
            return Ok(Outcome::Skipped);
        }
        match caller.launch(&self.request("taken")).await {
            Err(error @ ProviderError::NoCapacity { .. }) if error.is_transient() => {}
            other => return Err(format!("without capacity a launch gives {other:?}")),
        }
        self.subject.mend().await;
        self.listed_at_last(0).await?;
        self.launch(&*caller, "taken").await?;
        Ok(Outcome::Passed)
    }

    async fn expired(&self) -> Tested {
        let caller = self.subject.caller().await;
        let id = self.launch(&*caller, "expired").await?;
        if !self.subject.inject(Fault::CredentialsExpired).await {
            return Ok(Outcome::Skipped);
        }
        match caller.list(&self.farm).await {
            Err(error @ ProviderError::Credentials { .. }) if !error.is_transient() => {}
            other => return Err(format!("with expired credentials a list gives {other:?}")),
        }
        self.subject.mend().await;
        must(self.listed_at_last(1).await? == [id], || "it is lost".to_owned())?;
        Ok(Outcome::Passed)
    }
}

/// Polls a future as often as that, then drops it. Says whether it has ended.
async fn polled<T>(future: impl Future<Output = T>, times: usize) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
