//! Tasks of hyper's on the runtime of the thread that they are born on.

/// Spawns on the current thread's runtime: nothing in a worker is ever sent to another thread.
#[derive(Clone, Copy)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
